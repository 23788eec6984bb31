import Images
import Testing

@Suite struct MetadataTests {
  /// What EXIF's eight orientations make of two rows of three blocks.
  static let turned: [[String]] = [
    ["abc", "def"], ["cba", "fed"], ["fed", "cba"], ["def", "abc"], ["ad", "be", "cf"], ["da", "eb", "fc"],
    ["fc", "eb", "da"], ["cf", "be", "ad"],
  ]

  @Test(arguments: 1...8, [ImageFormat.png, .jpeg, .webp])
  func orientationIsAppliedAndReset(orientation: Int, format: ImageFormat) throws {
    for little in [true, false] {
      var image = Pictures.blocks(["abc", "def"])
      image.metadata.exif = Pictures.exif(orientation: orientation, little: little)
      let upright = try Image(decoding: image.encoded(as: format))
      #expect(Pictures.letters(upright) == Self.turned[orientation - 1])
      let again = try Image(decoding: upright.encoded(as: format))
      #expect(Pictures.letters(again) == Self.turned[orientation - 1], "its metadata says that it is upright")
      #expect(upright.metadata.exif == Pictures.exif(orientation: 1, little: little))
    }
  }

  /// Each of many entries claims the whole block as its value.
  @Test func valuesThatOverlapAreNotMultiplied() throws {
    func number(_ value: Int, _ size: Int) -> [UInt8] { (0..<size).map { UInt8(value >> (8 * $0) & 255) } }
    let count = 5000
    let size = 14 + 12 * count
    let entries = (0..<count).flatMap { number($0, 2) + number(1, 2) + number(size, 4) + number(0, 4) }
    var image = Pictures.blocks(["ab"])
    image.metadata.exif = Array("II*\0".utf8) + number(8, 4) + number(count, 2) + entries + number(0, 4)
    #expect(try image.encoded(as: .png).count < 4 * size)
  }

  private static func packet(_ orientation: String) -> [UInt8] {
    Array(
      """
      <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
      <rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" \(orientation)</rdf:RDF></x:xmpmeta>
      """.utf8)
  }

  /// As an attribute, and as an element.
  @Test(
    arguments: 1...8,
    [("tiff:Orientation=\"", "\"/>"), ("><tiff:Orientation>", "</tiff:Orientation></rdf:Description>")])
  func orientationThatOnlyXMPTellsIsApplied(orientation: Int, around: (String, String)) throws {
    var image = Pictures.blocks(["abc", "def"])
    image.metadata.xmp = Self.packet(around.0 + "\(orientation)" + around.1)
    let upright = try Image(decoding: image.encoded(as: .png))
    #expect(Pictures.letters(upright) == Self.turned[orientation - 1])
    #expect(upright.metadata.xmp == Self.packet(around.0 + "1" + around.1))
  }

  @Test(arguments: [1, 6], [1, 3])
  func exifBeatsXMP(exif: Int, xmp: Int) throws {
    var image = Pictures.blocks(["abc", "def"])
    image.metadata.exif = Pictures.exif(orientation: exif)
    image.metadata.xmp = Self.packet("tiff:Orientation='\(xmp)'/>")
    let upright = try Image(decoding: image.encoded(as: .png))
    #expect(Pictures.letters(upright) == Self.turned[exif - 1])
    #expect(upright.metadata.xmp == Self.packet("tiff:Orientation='1'/>"), "no reader is to turn it again")
  }

  /// Out of range, and what is no EXIF at all.
  @Test(arguments: [0, 9, 65535])
  func anUnknownOrientationIsUpright(orientation: Int) throws {
    var image = Pictures.blocks(["ab"])
    image.metadata.exif = Pictures.exif(orientation: orientation)
    #expect(try Pictures.letters(Image(decoding: image.encoded(as: .png))) == ["ab"])
  }

  @Test(arguments: [ImageFormat.png, .jpeg, .webp])
  func profileExifAndXMPAreCarried(format: ImageFormat) throws {
    var image = Pictures.pattern()
    image.metadata.icc = try Pictures.fixture("srgb.icc")
    image.metadata.exif = Pictures.exif(orientation: 1)
    image.metadata.xmp = Pictures.xmp
    let file = try image.encoded(as: format)
    let back = try Image(decoding: file).metadata
    #expect(back.icc == image.metadata.icc)
    #expect(back.exif == image.metadata.exif)
    #expect(back.xmp == image.metadata.xmp)
    let header = try ImageHeader(of: file)
    #expect(header.metadata == back && header.format == format)
    #expect((header.width, header.height, header.depth, header.hasAlpha) == (11, 7, 8, false))
  }

  /// A JPEG segment holds 65,533 bytes; a profile may be longer than that.
  @Test func aLongProfileIsSplitAndJoined() throws {
    var image = Pictures.pattern()
    var profile = try Pictures.fixture("srgb.icc")
    profile += Array(repeating: 7, count: 150_000)
    let size = UInt32(profile.count).bigEndian
    withUnsafeBytes(of: size) { profile.replaceSubrange(0..<4, with: $0) }
    image.metadata.icc = profile
    #expect(try Image(decoding: image.encoded(as: .jpeg)).metadata.icc == profile)
  }

  @Test func textsOfPNGAreCarried() throws {
    var image = Pictures.pattern()
    image.metadata.text = ["parameters": "a cat\nSteps: 3", "Title": "Grüße, 日本"]
    #expect(try Image(decoding: image.encoded(as: .png)).metadata.text == image.metadata.text)
  }

  @Test(arguments: [ImageFormat.png, .jpeg, .webp])
  func strippingKeepsTheProfileAlone(format: ImageFormat) throws {
    var image = Pictures.pattern()
    image.metadata.icc = try Pictures.fixture("srgb.icc")
    image.metadata.exif = Pictures.exif(orientation: 1)
    image.metadata.xmp = Pictures.xmp
    image.metadata.text = ["a": "b"]
    var options = EncodingOptions()
    options.strip = true
    var expected = ImageMetadata()
    expected.icc = image.metadata.icc
    #expect(try Image(decoding: image.encoded(as: format, options)).metadata == expected)
  }
}
