import Foundation
import Images
import Testing

/// Colours that are not sRGB, and what resampling and transparency do to colours.
@Suite struct ColourTests {
  private static let adobe = [0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06]

  /// A PNG with gAMA and cHRM, in front of its pixels.
  private static func png(_ image: Image, gamma: Double = 0.45455, _ xy: [Double]? = adobe) throws -> [UInt8] {
    func number(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
    func chunk(_ name: String, _ values: [Double]) -> [UInt8] {
      let body = Array(name.utf8) + values.flatMap { number(UInt32(($0 * 100_000).rounded())) }
      var crc: UInt32 = .max
      for byte in body {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
      }
      return number(UInt32(body.count - 4)) + body + number(~crc)
    }
    let file = try image.encoded(as: .png)
    return file[..<33] + chunk("gAMA", [gamma]) + (xy.map { chunk("cHRM", $0) } ?? []) + file[33...]
  }

  /// Adobe RGB (1998) → sRGB by its matrix (both D65) and the two curves, clipped: no colour library in it.
  private static func expected(_ sample: (Double, Double, Double)) -> [Double] {
    let (r, g, b) = (pow(sample.0, 2.2), pow(sample.1, 2.2), pow(sample.2, 2.2))
    let linear = [1.39836 * r - 0.39836 * g, g, -0.04293 * g + 1.04293 * b]
    return linear.map { v in
      let l = min(max(v, 0), 1)
      return l <= 0.0031308 ? 12.92 * l : 1.055 * pow(l, 1 / 2.4) - 0.055
    }
  }

  /// libpng writes no other.
  @Test func aProfileIsCarriedAtItsOwnLength() throws {
    var image = try Image(decoding: Self.png(Pictures.pattern()))
    let profile = try #require(image.metadata.icc)
    image.metadata.icc = profile + [0, 0, 0]
    let carried = try Image(decoding: image.encoded(as: .jpeg))
    #expect(carried.metadata.icc == profile)
    #expect(try Image(decoding: carried.encoded(as: .png)).metadata.icc == profile)
    // Its first tag lies outside of it.
    image.metadata.icc![136] = 0x7f
    #expect(throws: ImageError.self) { try image.encoded(as: .png) }
  }

  @Test(arguments: [8, 16], [false, true])
  func wideColoursBecomeSRGBAndComeBack(depth: Int, alpha: Bool) throws {
    let image = try Image(decoding: Self.png(Pictures.pattern(alpha: alpha, depth: depth)))
    let profile = try #require(ColorProfile(image.metadata.icc))
    let model = image.inSRGB()
    #expect(model.depth == 16 && model.metadata.icc == nil && model.hasAlpha == alpha)
    let (before, after) = (image.tensor().elements, model.tensor().elements)
    let pixels = image.width * image.height
    for i in 0..<pixels {
      let unit = (0..<3).map { Double(before[i + $0 * pixels]) / 2 + 0.5 }
      for (c, wanted) in Self.expected((unit[0], unit[1], unit[2])).enumerated() {
        #expect(abs(Double(after[i + c * pixels]) / 2 + 0.5 - wanted) < 0.5 / 255, "\(unit)")
      }
    }
    // Colours inside of sRGB come back as they were; alpha always does.
    let back = model.converted(to: profile, depth: depth)
    #expect(back.depth == depth && back.metadata.icc == profile.icc)
    #expect(back.alphaTensor()?.elements == image.alphaTensor()?.elements)
    let returned = back.tensor().elements
    for i in 0..<pixels where (0..<3).allSatisfy({ abs(after[i + $0 * pixels]) < 0.99 }) {
      for c in 0..<3 { #expect(abs(returned[i + c * pixels] - before[i + c * pixels]) < 2.5 / 255) }
    }
    // And the rest can be put back to the bit.
    let mask = Mask(Tensor(zeros: [1, 1, image.height, image.width]))
    #expect(Pictures.samples(back.restoring(image, where: mask)) == Pictures.samples(image))
  }

  @Test func aProfileOutlivesEveryFormat() throws {
    let image = try Image(decoding: Self.png(Pictures.pattern()))
    for format in [ImageFormat.png, .jpeg, .webp] {
      let back = try Image(decoding: image.encoded(as: format))
      #expect(back.metadata.icc == image.metadata.icc && ColorProfile(back.metadata.icc) != nil)
    }
  }

  @Test(arguments: [(0.45455, nil as [Double]?), (0.45455, [0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06])])
  func whatSaysSRGBIsLeftAlone(gamma: Double, xy: [Double]?) throws {
    let image = try Image(decoding: Self.png(Pictures.pattern(), gamma: gamma, xy))
    #expect(image.metadata.icc == nil && image.inSRGB().depth == 8)
  }

  @Test func theProfileOfSRGBIsNoConversion() throws {
    #expect(ColorProfile(try Pictures.fixture("srgb.icc")) == nil)
    #expect(ColorProfile([1, 2, 3]) == nil && ColorProfile(nil) == nil)
  }

  @Test func aGammaAloneIsHonoured() throws {
    let image = try Image(decoding: Self.png(Pictures.pattern(depth: 16), gamma: 1, nil)).inSRGB()
    let before = Pictures.pattern(depth: 16).tensor().elements
    for (x, y) in zip(before, image.tensor().elements) {
      let light = Double(x) / 2 + 0.5
      let wanted = light <= 0.0031308 ? 12.92 * light : 1.055 * pow(light, 1 / 2.4) - 0.055
      #expect(abs(Double(y) / 2 + 0.5 - wanted) < 0.5 / 255)
    }
  }

  @Test(arguments: ["cmyk.jpg", "cmyk-progressive.jpg", "ycck.jpg", "half-colour.jpg"])
  func jpegColoursAgreeWithPillow(name: String) throws {
    let image = try Image(decoding: Pictures.fixture(name))
    let expected = try Image(decoding: Pictures.fixture("\(name).png"))
    let differences = zip(Pictures.samples(image), Pictures.samples(expected)).map { abs($0 - $1) }
    #expect(differences.count == 45 * 37 * 3 && differences.max()! <= 2)
  }

  /// A block that tells width and height (tags 0xa002, 0xa003) tells those of the file it is written into.
  @Test func exifTellsTheResultsSize() throws {
    func number(_ value: Int, _ size: Int) -> [UInt8] {
      (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    func entry(_ tag: Int, _ value: Int) -> [UInt8] { number(tag, 2) + number(4, 2) + number(1, 4) + number(value, 4) }
    var image = Pictures.pattern()
    image.metadata.exif =
      [0x49, 0x49] + number(42, 2) + number(8, 4) + number(1, 2) + entry(0x8769, 26) + number(0, 4)
      + number(2, 2) + entry(0xa002, 999) + entry(0xa003, 777) + number(0, 4)
    let back = try #require(try Image(decoding: image.encoded(as: .jpeg)).metadata.exif)
    #expect(back.count == 56)
    #expect(Array(back[36..<40]) == number(11, 4) && Array(back[48..<52]) == number(7, 4))
  }

  @Test func anAnimationIsRemarkedOn() throws {
    let animation = try Image(decoding: Pictures.fixture("animation.webp"))
    #expect(animation.remark?.contains("first") == true)
    let still = try Image(decoding: Pictures.fixture("lossy.webp"))
    #expect(still.remark == nil)
  }

  /// Fine black and white lines are as bright as half the light: 188, not 128.
  @Test func resizingAddsLight() {
    let lines = Image(
      tensor: Tensor(shape: [1, 3, 64, 64]) { for i in $0.indices { $0[i] = i % 2 == 0 ? -1 : 1 } })
    let small = lines.resized(height: 32, width: 16, .area)
    #expect((small.width, small.height, small.depth) == (16, 32, 16))
    #expect(small.tensor().elements.allSatisfy { abs($0 / 2 + 0.5 - 187.5 / 255) < 0.5 / 255 })
  }

  /// Left half opaque red, right half transparent black: no darker red anywhere.
  private static let half = Image(
    tensor: Tensor(shape: [1, 3, 32, 32]) { for i in $0.indices { $0[i] = i < 1024 && i % 32 < 16 ? 1 : -1 } },
    alpha: Tensor(shape: [1, 1, 32, 32]) { for i in $0.indices { $0[i] = i % 32 < 16 ? 1 : 0 } })

  @Test(arguments: [(9, 13), (80, 50)])
  func resizingMixesNoHiddenColour(height: Int, width: Int) throws {
    let resized = Self.half.resized(height: height, width: width)
    let (colours, alpha) = (resized.tensor().elements, try #require(resized.alphaTensor()).elements)
    #expect(alpha.contains { $0 > 0.05 && $0 < 0.95 } && alpha.contains(0))
    for (i, a) in alpha.enumerated() where a > 0.01 { #expect(colours[i] > 0.98, "red at \(i)") }
  }

  @Test func hiddenColoursAreReplacedByTheirNeighbours() throws {
    let filled = Self.half.withoutHiddenColours()
    let (before, after) = (Self.half.tensor().elements, filled.tensor().elements)
    #expect(filled.alphaTensor()?.elements == Self.half.alphaTensor()?.elements)
    for i in before.indices {
      if i % 32 < 16 { #expect(after[i] == before[i]) }
      #expect(abs(after[i] - (i < 1024 ? 1 : -1)) < 0.02)
    }
  }
}
