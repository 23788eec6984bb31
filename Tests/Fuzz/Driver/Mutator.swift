/// SplitMix64 (Steele et al. 2014): each input's own, so that any of them can be had again alone.
struct Generator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64, input: Int) { state = seed &* 0x9e37_79b9_7f4a_7c15 &+ UInt64(input) }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }
}

/// The ways in which files go bad.
enum Mutator {
  private static let extremes: [UInt32] = [
    0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
  ]

  /// One to five mutations of `data`; pieces of `other`, a file of the same kind, may get into it.
  static func damaged(_ data: [UInt8], with other: [UInt8], _ random: inout Generator) -> [UInt8] {
    var data = data
    let count = Bool.random(using: &random) ? 1 : Int.random(in: 2...5, using: &random)
    for _ in 0..<count where !data.isEmpty { damage(&data, other, &random) }
    return data
  }

  private static func damage(_ data: inout [UInt8], _ other: [UInt8], _ random: inout Generator) {
    let anywhere = Int.random(in: 0..<data.count, using: &random)
    // Headers decide most, and are short.
    let place = Bool.random(using: &random) ? anywhere : Int.random(in: 0..<min(data.count, 96), using: &random)
    let end = min(data.count, place + Int.random(in: 1...40, using: &random))
    switch Int.random(in: 0..<9, using: &random) {
    case 0: data.removeSubrange(anywhere...)
    case 1: data[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    case 2: data[place] = UInt8.random(in: .min ... .max, using: &random)
    case 3: write(extremes.randomElement(using: &random)!, at: place, of: &data, &random)
    case 4: write(UInt32.random(in: .min ... .max, using: &random), at: place, of: &data, &random)
    case 5: data.removeSubrange(place..<end)
    case 6: data.insert(contentsOf: data[place..<end], at: anywhere)
    case 7:
      let from = Int.random(in: 0..<other.count, using: &random)
      let piece = other[from..<min(other.count, from + Int.random(in: 1...64, using: &random))]
      data.replaceSubrange(place..<min(data.count, place + piece.count), with: piece)
    default: for i in place..<end { data[i] = 0 }
    }
  }

  /// Two or four bytes, in either order.
  private static func write(_ value: UInt32, at place: Int, of data: inout [UInt8], _ random: inout Generator) {
    let count = Bool.random(using: &random) ? 2 : 4
    let isLittle = Bool.random(using: &random)
    for i in 0..<min(count, data.count - place) {
      data[place + i] = UInt8(truncatingIfNeeded: value >> UInt32(8 * (isLittle ? i : count - 1 - i)))
    }
  }

  /// A PNG with the checksums of its chunks made right, so that what is in them is read.
  static func checksummed(_ png: [UInt8]) -> [UInt8] {
    var png = png
    var place = 8
    while place + 12 <= png.count {
      let length = png[place..<(place + 4)].reduce(0) { $0 << 8 | Int($1) }
      let end = place + 8 + length
      guard end + 4 <= png.count else { break }
      let sum = checksum(png[(place + 4)..<end])
      for i in 0..<4 { png[end + i] = UInt8(truncatingIfNeeded: sum >> UInt32(24 - 8 * i)) }
      place = end + 4
    }
    return png
  }

  /// CRC-32 of ISO 3309, as PNG has it.
  private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    ~bytes.reduce(~0) { sum, byte in
      (0..<8).reduce(sum ^ UInt32(byte)) { sum, _ in sum & 1 == 1 ? 0xedb8_8320 ^ sum >> 1 : sum >> 1 }
    }
  }
}
