import Foundation
import Images
import Tensors
import Testing

/// `Fixtures/watermark`: 256x256, marked by the Python package; made by `Tests/Reference/watermark.py`.
@Suite struct WatermarkTests {
  private func fixture(_ name: String) throws -> Image {
    let file = try #require(
      Bundle.module.url(forResource: name, withExtension: "webp", subdirectory: "Fixtures/watermark"))
    return try Image(decoding: [UInt8](Data(contentsOf: file)))
  }

  /// Smooth colours with some grain.
  private let waves = Image(
    tensor: Tensor(shape: [1, 3, 256, 256]) { out in
      for i in out.indices {
        let (x, y, c) = (Double(i % 256), Double(i / 256 % 256), Double(i / 65536))
        out[i] = Float(0.6 * sin(x / (23 + 9 * c) + y / (31 - 5 * c) + c) + 0.05 * sin(Double(i) * 1.7))
      }
    })

  @Test(arguments: [("words", Watermark.stableDiffusion, 120), ("bits", .stability, 44)])
  func readsWhatThePackageWrites(name: String, watermark: Watermark, least: Int) throws {
    let found = try Watermark.found(in: fixture(name))
    #expect(found?.watermark.name == watermark.name)
    #expect(found?.matches ?? 0 >= least)
  }

  @Test func anUnmarkedPictureHoldsNone() {
    let found = Watermark.found(in: waves)
    #expect(found == nil)
  }

  @Test(arguments: [Watermark.stableDiffusion, .stability])
  func everyBitComesBack(watermark: Watermark) {
    let found = Watermark.found(in: marked(waves, by: watermark))
    #expect(found?.watermark.name == watermark.name && found?.matches == watermark.bits.count)
  }

  /// Of full colour resolution, as ldm writes them above quality 90.
  @Test(arguments: [91, 96])
  func itSurvivesJPEG(quality: Int) throws {
    var options = EncodingOptions()
    options.quality = quality
    let bytes = try marked(waves).encoded(as: .jpeg, options)
    let found = try Watermark.found(in: Image(decoding: bytes))
    #expect(found?.watermark.name == "StableDiffusionV1")
  }

  private func marked(_ image: Image, by watermark: Watermark = .stableDiffusion) -> Image {
    var image = image
    watermark.embed(in: &image)
    return image
  }

  private func flat(_ red: Float, _ green: Float, _ blue: Float) -> Image {
    Image(
      tensor: Tensor(shape: [1, 3, 256, 256]) { out in
        for i in out.indices { out[i] = [red, green, blue][i / 65536] }
      })
  }

  /// White paper has no room for a mark and is to show none.
  @Test(arguments: [Float(1), 0.99]) func whiteStaysWhite(grey: Float) {
    let image = flat(grey, grey, grey)
    let isAsBefore = marked(image).tensor().elements == image.tensor().elements
    #expect(isAsBefore)
  }

  @Test(arguments: [[-1, -1, -1], [0, 0, 0], [-0.3, 0.1, 0.57], [0.57, -0.76, -0.69]] as [[Float]])
  func otherFlatPicturesBearIt(color: [Float]) {
    let found = Watermark.found(in: marked(flat(color[0], color[1], color[2])))
    #expect(found?.matches == 136)
  }

  @Test func onlyFewPixelsChange() {
    let (a, b) = (waves.tensor().elements, marked(waves).tensor().elements)
    // Four pixels of 64 at most, red never.
    #expect(zip(a, b).count { $0 != $1 } <= 2 * 65536 / 16)
    let redStays = a.prefix(65536) == b.prefix(65536)
    #expect(redStays)
  }
}
