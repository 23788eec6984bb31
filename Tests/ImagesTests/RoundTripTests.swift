import Images
import Testing

@Suite struct RoundTripTests {
  static let lossless: [(ImageFormat, EncodingOptions)] = [(.png, .init()), (.pnm, .init()), (.webp, exact)]
  private static var exact: EncodingOptions {
    var options = EncodingOptions()
    options.lossless = true
    return options
  }

  @Test(arguments: lossless, [false, true])
  func eightBitsComeBack(kind: (format: ImageFormat, options: EncodingOptions), alpha: Bool) throws {
    for (width, height) in [(1, 1), (11, 7), (16, 33)] {
      let image = Pictures.pattern(width: width, height: height, alpha: alpha)
      let back = try Image(decoding: image.encoded(as: kind.format, kind.options))
      #expect((back.width, back.height, back.depth, back.hasAlpha) == (width, height, 8, alpha))
      #expect(back.format == kind.format)
      // Lossless WebP keeps no colour where nothing is opaque: no eye can see it.
      guard kind.format != .webp || !alpha else { continue }
      #expect(Pictures.samples(back) == Pictures.samples(image))
    }
  }

  @Test(arguments: [ImageFormat.png, .pnm], [false, true])
  func sixteenBitsComeBack(format: ImageFormat, alpha: Bool) throws {
    let image = Pictures.pattern(alpha: alpha, depth: 16)
    let back = try Image(decoding: image.encoded(as: format))
    #expect(back.depth == 16 && Pictures.samples(back) == Pictures.samples(image))
  }

  @Test(arguments: [ImageFormat.png, .pnm], [false, true])
  func depthsConvert(format: ImageFormat, alpha: Bool) throws {
    var options = EncodingOptions()
    options.depth = 16
    let image = Pictures.pattern(alpha: alpha)
    let wide = try Image(decoding: image.encoded(as: format, options))
    #expect(wide.depth == 16 && Pictures.samples(wide) == Pictures.samples(image).map { $0 * 257 })
    options.depth = 8
    let narrow = try Image(decoding: wide.encoded(as: format, options))
    #expect(narrow.depth == 8 && Pictures.samples(narrow) == Pictures.samples(image))
  }

  @Test(arguments: [ImageFormat.jpeg, .webp], [false, true])
  func lossyFormatsStayNear(format: ImageFormat, alpha: Bool) throws {
    let image = try Image(decoding: Pictures.fixture(alpha ? "alpha.webp" : "lossless.webp"))
    var best = EncodingOptions()
    best.quality = 95
    var worst = best
    worst.quality = 20
    let (large, small) = (try image.encoded(as: format, best), try image.encoded(as: format, worst))
    #expect(small.count < large.count)
    guard !alpha else { return }
    let difference = zip(Pictures.samples(try Image(decoding: large)), Pictures.samples(image)).map { abs($0 - $1) }
    #expect(difference.max()! <= 16 && difference.reduce(0, +) < 3 * difference.count)
  }

  @Test func jpegLaysTransparencyOnWhite() throws {
    let clear = Image(tensor: Tensor(repeating: -1, shape: [1, 3, 8, 8]), alpha: Tensor(zeros: [1, 1, 8, 8]))
    let back = try Image(decoding: clear.encoded(as: .jpeg))
    #expect(!back.hasAlpha && Pictures.samples(back).allSatisfy { $0 >= 254 })
    let half = Image(
      tensor: Tensor(repeating: -1, shape: [1, 3, 8, 8]), alpha: Tensor(repeating: 0.5, shape: [1, 1, 8, 8]))
    #expect(Pictures.samples(try Image(decoding: half.encoded(as: .jpeg))).allSatisfy { abs($0 - 127) <= 2 })
  }

  /// round(255 · clamp(y/2 + 1/2)), halves to even.
  @Test func tensorsBecomeSamplesByTheReferenceRule() {
    let values: [Float] = [-1, 1, -9, 9, 0, 2 * 0.4 / 255 - 1, 2 * 1.6 / 255 - 1, 2 * 254.4 / 255 - 1]
    let image = Image(tensor: Tensor(values + values + values, shape: [1, 3, 2, 4]))
    #expect(Array(Pictures.samples(image).prefix(8)) == [0, 255, 0, 255, 128, 0, 2, 254])
  }
}
