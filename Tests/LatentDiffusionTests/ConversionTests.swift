import Foundation
import LatentDiffusion
import Testing
import Weights

@Suite struct ConversionTests {
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ldm-convert-\(UUID().uuidString)")

  private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  /// A copy of a small model, with another activation where one is given: gelu towers go the way of OpenCLIP's names.
  private func model(_ name: String, activation: String?) throws -> Checkpoint {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let copy = path("model")
    try FileManager.default.copyItem(atPath: "\(PipelineCase.golden)/\(name)/model", toPath: copy)
    try addPositions(copy)
    if let activation {
      let config = "\(copy)/text_encoder/config.json"
      let text = try String(contentsOfFile: config, encoding: .utf8)
      try text.replacing("quick_gelu", with: activation).write(toFile: config, atomically: true, encoding: .utf8)
    }
    return try Checkpoint(at: copy)
  }

  /// The buffer that public towers hold beside their weights.
  private func addPositions(_ model: String) throws {
    let path = "\(model)/text_encoder/model.safetensors"
    guard FileManager.default.fileExists(atPath: path) else { return }
    var tensors = try TensorFile(at: path).tensors.mapValues { $0.tensor() }
    tensors["text_model.embeddings.position_ids"] = Tensor(zeros: [1, 77])
    try Data(SafetensorsWriter.encoded(tensors)).write(to: URL(fileURLWithPath: path))
  }

  private func vocabulary(_ lines: [Substring]) -> [String: Int] { ["<|endoftext|>": lines.count] }

  /// Folder to file and back: every tensor byte for byte, every config.
  @Test(
    arguments: [
      ("text", nil), ("text", "gelu"), ("inpaint", nil), ("upscaler", nil), ("lcm", nil), ("depth", nil), ("sdxl", nil),
      ("sdxl-refiner", nil), ("ldm-unconditional", nil), ("ldm-text", nil), ("ldm-classes", nil), ("ldm-upscale", nil),
      ("ldm-inpaint", nil),
    ] as [(String, String?)])
  func thereAndBackIsTheSame(name: String, activation: String?) throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let model = try model(name, activation: activation)
    try Conversion(model, as: nil).write(file: path("one.safetensors"), anyVocabulary: true)
    let file = try Checkpoint(at: path("one.safetensors"))
    #expect(file.surplus == [])
    #expect(file.file?.tensors.keys.contains { $0.hasPrefix("model.diffusion_model.output_blocks.") } == true)
    let parts = model.parts.filter { !$0.hasSuffix("scheduler") }
    try Conversion(file, as: nil).write(folder: path("back"), vocabulary: vocabulary)
    let back = try Checkpoint(at: path("back"))
    for part in parts {
      func bytes(_ checkpoint: Checkpoint) throws -> [String: [UInt8]] {
        try checkpoint.weights(part).all.filter { !$0.key.hasSuffix("position_ids") }.mapValues {
          $0.withBytes(Array.init)
        }
      }
      let expected = try bytes(model)
      for other in [file, back] {
        #expect(try bytes(other) == expected, "\(part)")
        #expect(try other.config(part).json == model.config(part).json, "\(part)")
      }
    }
    #expect(try back.config("scheduler").json == model.config("scheduler").json)
  }

  @Test(arguments: [ElementType.f16, .bf16, .f32])
  func typesAreConverted(type: ElementType) throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let model = try model("text", activation: nil)
    try Conversion(model, as: type).write(folder: path("out"), vocabulary: vocabulary)
    let (before, after) = (try model.weights("unet").all, try Checkpoint(at: path("out")).weights("unet").all)
    #expect(before.keys == after.keys && after.values.allSatisfy { $0.type == type })
    for (name, tensor) in before {
      let bound: Float = type == .bf16 ? 1 / 128 : 1e-6  // the weights were drawn in f16
      #expect(after[name]!.tensor().distance(to: tensor.tensor()) <= bound, "\(name)")
    }
  }

  @Test func anotherVocabularyIsRefused() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let model = try model("text", activation: nil)
    #expect(throws: ConversionError.vocabulary(file: "\(path("model"))/tokenizer")) {
      try Conversion(model, as: nil).write(file: path("one.safetensors"))
    }
  }

  @Test func aStoppedConversionPassesItsReasonOn() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    struct Stop: Error {}
    let model = try model("text", activation: nil)
    #expect(throws: Stop.self) {
      try Conversion(model, as: nil) { throw Stop() }.write(file: path("one.safetensors"), anyVocabulary: true)
    }
  }
}
