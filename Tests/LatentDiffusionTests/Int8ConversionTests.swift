import Foundation
import LatentDiffusion
import Testing
import Weights

/// Models of 8-bit integers: `ldm models convert --type int8`.
@Suite struct Int8ConversionTests {
  private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ldm-int8-\(UUID().uuidString)")

  private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  private func source(_ pipeline: String) -> String { "\(PipelineCase.golden)/\(pipeline)/model" }

  private func convert(_ source: String, to name: String, as type: ElementType?) throws {
    let (checkpoint, target) = (try Checkpoint(at: source), path(name))
    let conversion = Conversion(checkpoint, as: type)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    if name.hasSuffix(".safetensors") {
      try conversion.write(file: target, anyVocabulary: true)
    } else {
      try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: true)
      try conversion.write(folder: target) { ["<|endoftext|>": $0.count] }
    }
  }

  /// Type and bytes of every tensor, scales as tensors of their own.
  private func bytes(_ file: String) throws -> [String: [UInt8]] {
    try TensorFile(at: file).tensors.mapValues { tensor in
      Array("\(tensor.type) \(tensor.shape) ".utf8) + tensor.withBytes(Array.init)
    }
  }

  private func unet(_ folder: String) -> String { "\(path(folder))/unet/diffusion_pytorch_model.safetensors" }

  private static let pipelines = [
    "text", "inpaint", "upscaler", "lcm", "depth", "sdxl", "sdxl-refiner", "ldm-unconditional", "ldm-text",
    "ldm-classes",
    "ldm-upscale", "ldm-inpaint",
  ]

  /// Folder to file and back, and a folder written anew: integers, scales and all else byte for byte.
  @Test(arguments: pipelines) func thereAndBackIsTheSame(pipeline: String) throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try convert(source(pipeline), to: "int8", as: .i8)
    try convert(path("int8"), to: "one.safetensors", as: nil)
    try convert(path("one.safetensors"), to: "back", as: nil)
    try convert(source(pipeline), to: "direct.safetensors", as: .i8)
    try convert(path("int8"), to: "again", as: .i8)
    let expected = try bytes(unet("int8"))
    #expect(expected.keys.contains { $0.hasSuffix(".weight_scale") })
    #expect(try bytes(unet("back")) == expected)
    #expect(try bytes(unet("again")) == expected)
    #expect(try bytes(path("direct.safetensors")) == bytes(path("one.safetensors")))
    let one = try Checkpoint(at: path("one.safetensors"))
    #expect(one.surplus == [] && one.file?.metadata["quantization"]?.hasPrefix("int8") == true)
    #expect(try one.weights("unet").types == [.f16, .i8])
  }

  /// Integers times scales, exactly; requantised, the same integers.
  @Test func floatsOfIntegersAreTheirProducts() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try convert(source("ldm-unconditional"), to: "int8", as: .i8)
    try convert(path("int8"), to: "f32", as: .f32)
    try convert(path("f32"), to: "again", as: .i8)
    let raw = try TensorFile(at: unet("int8")).tensors
    let floats = try TensorFile(at: unet("f32")).tensors
    #expect(floats.values.allSatisfy { $0.type == .f32 } && floats.keys.allSatisfy { !$0.hasSuffix("_scale") })
    for (name, tensor) in raw where tensor.type == .i8 {
      let factors = try #require(raw["\(name)_scale"]).tensor().elements
      let products = tensor.tensor().elements.enumerated().map { factors[$0 / (tensor.count / factors.count)] * $1 }
      #expect(floats[name]?.tensor().elements == products, "\(name)")
    }
    let again = try TensorFile(at: unet("again")).tensors
    for (name, tensor) in raw where tensor.type == .i8 || name.hasSuffix("_scale") {
      #expect(again[name]?.withBytes(Array.init) == tensor.withBytes(Array.init), "\(name)")
    }
  }

  /// Pixels of the pipeline's first case, and the names of the UNet's tensors that were packed as integers.
  private func run(
    _ model: String, _ one: PipelineCase, _ precision: Precision
  ) throws -> (pixels: [Float], integers: Set<String>) {
    let cache = path("cache-\(UUID().uuidString)")
    let tensors = try SafetensorsFile(at: "\(PipelineCase.golden)/\(one.pipeline!)/\(one.name).safetensors").tensors
    let engine = try Engine(
      modelAt: model, precision: precision, cache: PackCache(folder: cache, limit: 1 << 30, smallest: 0))
    let pixels = try engine.run(one.job(tensors)).elements
    var names: Set<String> = []
    for file in try FileManager.default.contentsOfDirectory(atPath: cache) where file.hasPrefix("unet-") {
      // The table of a pack: a line an entry, its layout and its tensor last.
      let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: "\(cache)/\(file)")), as: UTF8.self)
      for line in text.split(separator: "\n") {
        let words = line.split(separator: " ")
        if words.count == 5, words[3].hasSuffix("-int8") { names.insert(String(words[4])) }
      }
    }
    return (pixels, names)
  }

  /// In that precision a model of integers gives what its source gives, bit for bit, and no tensor that is multiplied as
  /// integers is missing from the file, nor another one in it; in f32 it gives what its products give.
  @Test(arguments: pipelines) func picturesAreTheSame(pipeline: String) throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let one = try #require(PipelineCase.all.first { $0.pipeline == pipeline && $0.refiner == nil && $0.vae == nil })
    try convert(source(pipeline), to: "int8", as: .i8)
    let (expected, found) = (try run(source(pipeline), one, .int8), try run(path("int8"), one, .int8))
    let isSame = found.pixels == expected.pixels  // told apart from the numbers, which would fill pages
    #expect(isSame)
    let integers = try TensorFile(at: unet("int8")).tensors.filter { $0.value.type == .i8 }.map(\.key)
    #expect(Set(integers).subtracting(expected.integers) == [], "not multiplied as integers")
    #expect(expected.integers.subtracting(integers) == [], "not in the file as integers")
    #expect(found.integers == expected.integers)
    try convert(path("int8"), to: "f32", as: .f32)
    let isProduct = try run(path("int8"), one, .f32).pixels == run(path("f32"), one, .f32).pixels
    #expect(isProduct)
  }
}
