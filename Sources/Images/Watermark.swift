/// The invisible watermark of the first Stable Diffusion scripts: a bit in each block of a picture's colour difference U, in
/// a place that an eye hardly sees. Method "dwtDct" of the package invisible-watermark: what one of the two writes, the
/// other reads. It survives what leaves U about as it is (PNG, JPEG of good quality), not scaling or cropping: a label
/// for honest use, no proof and no lock.
///
/// U (8 bits) is halved by Haar's wavelet: a coefficient is the sum of 2x2 samples over 2. Of each 4x4 coefficients the
/// largest, c, apart from the first, carries bit b: c mod 36 is above 18 for 1, and not for 0. The bits of the payload
/// repeat over the blocks, row by row; reading takes the vote of all blocks of a bit.
///
/// The package rounds the whole picture through YUV and back, and puts c down to the quantum below, whereupon another
/// coefficient may be the largest. Here c goes to the nearest value that stays the largest, and nothing else changes: fewer
/// bits are lost, and less is to be seen. Blocks without room for it, as white ones, where blue can rise no further, stay as
/// they are.
public struct Watermark: Sendable, Equatable {
  public let name: String
  public let bits: [Bool]

  /// What CompVis's scripts/txt2img.py writes.
  public static let stableDiffusion = Watermark(
    "StableDiffusionV1",
    bits: Array("StableDiffusionV1".utf8).flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 == 1 } })
  /// What Stability's generative-models and diffusers' SDXL pipelines write: 48 bits.
  public static let stability = Watermark(
    "SDXL", bits: (0..<48).map { 0b1011_0011_1110_1100_1001_0000_0111_1011_1011_0001_1001_1110 >> (47 - $0) & 1 == 1 })

  private static let scale: Float = 36

  init(_ name: String, bits: [Bool]) { (self.name, self.bits) = (name, bits) }

  /// Smaller pictures are left as they are; so says the package, by their number of pixels, and the scripts, by their sides.
  public static func fits(_ image: Image) -> Bool { image.width >= 256 && image.height >= 256 && image.depth == 8 }

  /// Marks `image`, in its own memory; one that is too small for it, or has 16 bits, stays as it is.
  public func embed(in image: inout Image) {
    guard Self.fits(image), case .eight(var samples) = image.samples else { return }
    image.samples = .eight([])
    let blocks = Blocks(image)
    samples.withUnsafeMutableBufferPointer { samples in
      var values = [Float](repeating: 0, count: 16)
      for block in blocks {
        block.read(UnsafeBufferPointer(samples), into: &values)
        let (place, second) = Self.largest(values)
        let target = Self.target(for: values[place], above: second, bit: bits[block.number % bits.count])
        let before = block.samples(UnsafeBufferPointer(samples), place)
        // The inverse wavelet spreads the difference evenly: each of the four samples changes by half of it.
        block.shift(samples, place, by: (target - values[place]) / 2)
        let reached = block.coefficient(UnsafeBufferPointer(samples), place)
        // Roundings come to 1; more is missing where a sample had no room.
        if abs(reached - target) > 2 { block.restore(samples, place, to: before) }
      }
    }
    image.samples = .eight(samples)
  }

  /// The known watermark that a picture holds, and how many of its bits were read.
  ///
  /// A picture that holds none agrees with half of the bits, give or take: that it agrees with so many that it counts as
  /// marked has a chance under one in a thousand million, if its bits were drawn by lot.
  public static func found(in image: Image) -> (watermark: Watermark, matches: Int)? {
    guard fits(image), case .eight(let samples) = image.samples else { return nil }
    // diffusers marks pictures of floating point, whose U is not moved up by 128: signs count there.
    for (watermark, bias, least) in [(stableDiffusion, 0, 104), (stability, 0, 44), (stability, -255, 44)] {
      let matches = watermark.matches(samples, image, bias: Float(bias))
      if matches >= least { return (watermark, matches) }
    }
    return nil
  }

  private func matches(_ samples: [UInt8], _ image: Image, bias: Float) -> Int {
    var votes = [Int](repeating: 0, count: bits.count)
    var values = [Float](repeating: 0, count: 16)
    samples.withUnsafeBufferPointer { samples in
      for block in Blocks(image) {
        block.read(samples, into: &values)
        for i in values.indices { values[i] = abs(values[i] + bias) }
        let value = values[Self.largest(values).place]
        let isSet = value.truncatingRemainder(dividingBy: Self.scale) > Self.scale / 2
        votes[block.number % bits.count] += isSet ? 1 : -1
      }
    }
    return zip(votes, bits).count { vote, bit in vote != 0 && (vote > 0) == bit }
  }

  /// The first of the largest values short of the very first, and the largest beside it.
  private static func largest(_ values: [Float]) -> (place: Int, second: Float) {
    var (place, second) = (1, -Float.infinity)
    for i in 2..<values.count {
      if values[i] > values[place] { (place, second) = (i, values[place]) } else { second = max(second, values[i]) }
    }
    return (place, second)
  }

  /// The value nearest to `value` that stands for `bit` whatever a little noise does, and is clear of the second largest.
  private static func target(for value: Float, above second: Float, bit: Bool) -> Float {
    let (low, high): (Float, Float) = bit ? (24, 30) : (6, 12)
    var quantum = ((value - (low + high) / 2) / scale).rounded()
    while quantum * scale + high < second + 3 { quantum += 1 }
    return Swift.max(Swift.min(Swift.max(value, quantum * scale + low), quantum * scale + high), second + 3)
  }
}

/// Blocks of 8x8 samples, row by row.
private struct Blocks: Sequence {
  let image: Image
  init(_ image: Image) { self.image = image }

  func makeIterator() -> some IteratorProtocol<Block> {
    let (columns, rows) = (image.width / 8, image.height / 8)
    let (width, channels) = (image.width, image.channels)
    return (0..<(columns * rows)).lazy.map { number in
      Block(number: number, x: number % columns * 8, y: number / columns * 8, width: width, channels: channels)
    }.makeIterator()
  }
}

/// 4x4 coefficients: 2x2 samples each.
private struct Block {
  let number: Int
  let x, y: Int
  let width, channels: Int

  /// U as OpenCV has it in 8 bits: 14-bit fixed point, U = 0.492 (B - Y) + 128.
  private func u(_ samples: UnsafeBufferPointer<UInt8>, _ place: Int) -> Int {
    let (r, g, b) = (Int(samples[place]), Int(samples[place + 1]), Int(samples[place + 2]))
    let y = (r * 4899 + g * 9617 + b * 1868 + 8192) >> 14
    return Swift.min(Swift.max(((b - y) * 8061 + (128 << 14) + 8192) >> 14, 0), 255)
  }

  func read(_ samples: UnsafeBufferPointer<UInt8>, into values: inout [Float]) {
    for i in values.indices { values[i] = coefficient(samples, i) }
  }

  func coefficient(_ samples: UnsafeBufferPointer<UInt8>, _ place: Int) -> Float {
    let corner = corner(place)
    let below = corner + width * channels
    return Float(
      u(samples, corner) + u(samples, corner + channels) + u(samples, below) + u(samples, below + channels)) / 2
  }

  /// Where the first of the four samples behind coefficient `place` starts.
  private func corner(_ place: Int) -> Int { ((y + place / 4 * 2) * width + x + place % 4 * 2) * channels }

  private func starts(_ place: Int) -> [Int] {
    let corner = corner(place)
    return [corner, corner + channels, corner + width * channels, corner + (width + 1) * channels]
  }

  /// Green and blue of the four samples behind coefficient `place`.
  func samples(_ samples: UnsafeBufferPointer<UInt8>, _ place: Int) -> [UInt8] {
    starts(place).flatMap { samples[($0 + 1)...($0 + 2)] }
  }

  func restore(_ samples: UnsafeMutableBufferPointer<UInt8>, _ place: Int, to values: [UInt8]) {
    for (i, start) in starts(place).enumerated() {
      (samples[start + 1], samples[start + 2]) = (values[2 * i], values[2 * i + 1])
    }
  }

  /// Adds to U of the four samples behind coefficient `place`; Y and V stay.
  func shift(_ samples: UnsafeMutableBufferPointer<UInt8>, _ place: Int, by change: Float) {
    let blue = change / 0.492
    let green = -blue * 0.114 / 0.587
    for start in starts(place) {
      for (channel, change) in [(1, green), (2, blue)] {
        let value = Float(samples[start + channel]) + change
        samples[start + channel] = UInt8(Swift.min(Swift.max(value.rounded(), 0), 255))
      }
    }
  }
}
