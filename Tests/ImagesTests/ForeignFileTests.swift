import Images
import Testing

/// Files as other programs write them (`Tests/Reference/images.py`).
@Suite struct ForeignFileTests {
  /// Name, channels and bits of the file's samples.
  static let patterns: [(String, channels: Int, depth: Int)] = [
    ("grey1", 1, 1), ("grey2", 1, 2), ("grey4", 1, 4), ("grey8", 1, 8), ("grey16", 1, 16), ("rgb8", 3, 8),
    ("rgb16", 3, 16), ("rgba8", 4, 8), ("rgba16", 4, 16), ("grey-alpha8", 2, 8), ("grey-alpha16", 2, 16),
    ("grey1-interlaced", 1, 1), ("rgb8-interlaced", 3, 8), ("rgba16-interlaced", 4, 16),
  ]

  @Test(arguments: patterns)
  func everyKindOfPNG(name: String, channels: Int, depth: Int) throws {
    let image = try Image(decoding: Pictures.fixture("\(name).png"))
    let alpha = channels == 2 || channels == 4
    #expect((image.width, image.height, image.depth) == (11, 7, depth == 16 ? 16 : 8))
    #expect(image.hasAlpha == alpha && image.format == .png)
    let top = (1 << depth) - 1
    let planes = (channels < 3 ? [0, 0, 0] : [0, 1, 2]) + (alpha ? [channels - 1] : [])
    let expected = planes.flatMap { c in
      (0..<77).map { i in (7 * (i % 11) + 13 * (i / 11) + 31 * c) % (top + 1) * (depth == 16 ? 65535 : 255) / top }
    }
    #expect(Pictures.samples(image) == expected)
  }

  @Test(arguments: [false, true])
  func palettes(transparent: Bool) throws {
    let image = try Image(decoding: Pictures.fixture(transparent ? "palette4-transparent.png" : "palette4.png"))
    #expect(image.hasAlpha == transparent)
    let indices = (0..<77).map { (7 * ($0 % 11) + 13 * ($0 / 11)) % 16 }
    let expected = indices.map { $0 * 16 } + indices.map { 255 - $0 * 5 } + indices.map { $0 * 3 }
    #expect(Pictures.samples(image) == expected + (transparent ? indices.map { $0 * 17 } : []))
  }

  @Test func aTransparentGreyValue() throws {
    let alpha = try #require(try Image(decoding: Pictures.fixture("grey8-key.png")).alphaTensor())
    #expect(alpha.elements == (0..<77).map { (7 * ($0 % 11) + 13 * ($0 / 11)) % 256 == 20 ? 0 : 1 })
  }

  /// Lossy decoders may round differently; full-range agreement is what matters.
  @Test(arguments: [
    ("baseline.jpg", 2), ("progressive.jpg", 2), ("full-colour.jpg", 2), ("grey.jpg", 1), ("restarts.jpg", 2),
    ("lossy.webp", 2), ("lossless.webp", 0), ("alpha.webp", 0), ("animation.webp", 0),
  ])
  func agreesWithPillow(name: String, tolerance: Int) throws {
    let image = try Image(decoding: Pictures.fixture(name))
    let expected = try Image(decoding: Pictures.fixture("\(name).png"))
    #expect((image.width, image.height, image.hasAlpha) == (45, 37, expected.hasAlpha))
    let differences = zip(Pictures.samples(image), Pictures.samples(expected)).map { abs($0 - $1) }
    #expect(differences.count == image.width * image.height * image.channels)
    #expect(differences.max()! <= tolerance)
  }

  /// Netpbm's seven, with the comments and odd spaces that their manual allows.
  static let netpbm: [(String, [UInt8], samples: [Int])] = [
    ("P1 # bits\n3 2\n1 0 1\n011", [], [0, 255, 0, 255, 0, 0]),
    ("P2\n3 2 15\n0 15 5\n10 1 2", [], [0, 255, 85, 170, 17, 34]),
    ("P2\n#a\n#b\n1\n1\n1000\n500", [], [32768]),
    ("P4 9 1\n", [0b1010_1010, 0x80], [0, 255, 0, 255, 0, 255, 0, 255, 0]),
    ("P5\n2 1\n255\n", [9, 200], [9, 200]), ("P5\n2 1\n65535\n", [1, 2, 255, 254], [258, 65534]),
    ("P5\n1 1\n300\n", [1, 44], [65535]),
  ]

  @Test(arguments: netpbm)
  func netpbmGreys(header: String, data: [UInt8], samples: [Int]) throws {
    let image = try Image(decoding: Array(header.utf8) + data)
    #expect(Pictures.samples(image) == samples + samples + samples)
  }

  @Test func netpbmColours() throws {
    #expect(try Pictures.samples(Image(decoding: Array("P3 1 1 255 1 2 3".utf8))) == [1, 2, 3])
    #expect(try Pictures.samples(Image(decoding: Array("P6 1 1 255\n".utf8) + [1, 2, 3])) == [1, 2, 3])
    let map = "P7\nWIDTH 1\nHEIGHT 2\n# a comment\nDEPTH 2\nMAXVAL 255\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n"
    let image = try Image(decoding: Array(map.utf8) + [10, 20, 30, 40])
    #expect(image.hasAlpha && Pictures.samples(image) == [10, 30, 10, 30, 10, 30, 20, 40])
  }
}
