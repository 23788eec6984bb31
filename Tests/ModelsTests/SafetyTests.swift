import Diffusion
import Foundation
import Models
import Testing
import Weights

/// `Tests/Reference/safety.py`: four pictures and the edges of the checker's rule.
@Suite struct SafetyTests {
  private let golden: Golden
  private let preparation: Config

  init() throws {
    golden = try Golden("safety")
    preparation = try Config(at: Bundle.module.resourcePath! + "/Golden/safety/preprocessor_config.json")
  }

  private func picture(_ index: Int) -> Image { Image(tensor: golden["picture.\(index)"]) }

  private func row(_ name: String, _ index: Int) -> Tensor { golden[name].slice(axis: 0, index..<(index + 1)) }

  /// Pillow computes with fixed point: where a sample lies between two, it may take the other.
  @Test(arguments: 0..<4)
  func preparesAsCLIPImageProcessor(index: Int) throws {
    let prepared = try PicturePreparation(preparation, for: 32)(picture(index))
    let expected = row("pixels", index)
    let step: Float = 1 / 255 / 0.26
    let distances = zip(prepared.elements, expected.elements).map { abs($0 - $1) }
    #expect(distances.max()! < 1.01 * step)
    #expect(distances.count { $0 > 0.01 * step } < 8, "of \(distances.count)")
  }

  /// Picture 0 is found by the concepts of special care alone, 1 fails by less than half a thousandth, 2 is found, 3 is not.
  @Test(arguments: 0..<4)
  func judgesAsDiffusers(index: Int) throws {
    let checker = try SafetyChecker(golden.parameters, config: golden.config, preparation: preparation)
    let verdict = checker(picture(index))
    #expect((verdict.concepts - row("concepts", index)).elements.allSatisfy { abs($0) < 2e-4 })
    #expect((verdict.special - row("special", index)).elements.allSatisfy { abs($0) < 2e-4 })
    #expect(verdict.found == [[0], [], [2], []][index])
    #expect(!verdict.found.isEmpty == (golden["flags"][flat: index] == 1))
    #expect(golden.parameters.weights.surplus == [])
  }

  /// Sixteen bits are seen as the eight that other tools would see.
  @Test func depthMakesNoDifference() throws {
    let preparation = try PicturePreparation(preparation, for: 32)
    #expect(preparation(picture(1)).elements == preparation(picture(1).at(depth: 16)).elements)
  }

  @Test(arguments: [
    (#"{"size": 16}"#, "size"), (#"{"crop_size": {"height": 32, "width": 16}}"#, "crop_size"),
    (#"{"resample": 2}"#, "resample"), (#"{"image_std": [1, 0, 1]}"#, "image_std"),
    (#"{"image_mean": [1]}"#, "image_mean"),
  ])
  func whatItCannotDoIsTold(text: String, key: String) throws {
    let config = try Config(Data(text.utf8), path: "preprocessor_config.json")
    let error = try #require(throws: ConfigError.self) { try PicturePreparation(config, for: 32) }
    #expect("\(error)".contains(key))
  }

  @Test(arguments: [#"{"size": 32, "crop_size": 32}"#, "{}"])
  func oldConfigsAreRead(text: String) throws {
    let config = try Config(Data(text.utf8), path: "preprocessor_config.json")
    let old = try PicturePreparation(config, for: 32)(picture(0))
    #expect(try old.elements == PicturePreparation(preparation, for: 32)(picture(0)).elements)
  }
}
