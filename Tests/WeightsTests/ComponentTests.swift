import Foundation
import Tensors
import Testing
import Weights

/// Components' folders: one file, or shards and their index.
@Suite struct ComponentTests {
  private func write(_ tensors: [String: Tensor], _ file: URL) throws {
    try Data(SafetensorsWriter.encoded(tensors)).write(to: file)
  }

  private func sharded(_ folder: URL, map: [String: String]) throws -> Weights {
    try write(
      ["a": Tensor([1], shape: [1]), "left over": Tensor([9], shape: [1])], folder.appendingPathComponent("1.st"))
    try write(["b": Tensor([2], shape: [1])], folder.appendingPathComponent("2.st"))
    let index = try JSONSerialization.data(withJSONObject: ["metadata": [:], "weight_map": map] as [String: Any])
    try index.write(to: folder.appendingPathComponent("diffusion_pytorch_model.safetensors.index.json"))
    return try Weights(componentAt: folder.path)
  }

  @Test func shardsAreJoined() throws {
    try Sample.withFolder { folder in
      let weights = try sharded(folder, map: ["a": "1.st", "b": "2.st"])
      #expect(try weights.tensor("a", [1]).tensor().elements == [1])
      #expect(try weights.tensor("b", [1]).tensor().elements == [2])
      #expect(!weights.contains("left over"))
    }
  }

  @Test func aTensorThatItsShardLacksIsNamed() throws {
    try Sample.withFolder { folder in
      #expect {
        _ = try sharded(folder, map: ["a": "1.st", "c": "2.st"])
      } throws: { "\($0)".contains("2.st: no tensor c") }
    }
  }

  @Test(arguments: ["../1.st", "/etc/passwd", "..", "", "gone.st"])
  func aShardIsAFileOfTheFolder(name: String) throws {
    try Sample.withFolder { folder in
      #expect(throws: WeightsError.self) { _ = try sharded(folder, map: ["a": name]) }
    }
  }

  @Test(arguments: ["{}", "[]", "", #"{"weight_map":{"a":1}}"#])
  func anIndexWithoutAMapIsRefused(text: String) throws {
    try Sample.withFolder { folder in
      try Data(text.utf8).write(to: folder.appendingPathComponent("model.safetensors.index.json"))
      #expect(throws: WeightsError.self) { _ = try Weights(componentAt: folder.path) }
    }
  }

  /// SD 2's public folders pad by what the map says; newer files name their tokens themselves.
  @Test func theMapOfSpecialTokensWinsWhereTransformersReadsIt() throws {
    try Sample.withFolder { folder in
      let tokenizer = folder.appendingPathComponent("tokenizer")
      for (path, text) in [
        ("unet/config.json", #"{"_class_name": "UNet2DConditionModel"}"#),
        ("tokenizer/tokenizer_config.json", #"{"pad_token": "<|endoftext|>", "model_max_length": 77}"#),
      ] {
        let file = folder.appendingPathComponent(path)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
      }
      func padding() throws -> String? {
        try Checkpoint(at: folder.path).tokenizer().config?.optionalString("pad_token")
      }
      #expect(try padding() == "<|endoftext|>")
      try Data(#"{"pad_token": "!"}"#.utf8).write(to: tokenizer.appendingPathComponent("special_tokens_map.json"))
      #expect(try padding() == "!")
      #expect(try Checkpoint(at: folder.path).tokenizer().config?.optionalInteger("model_max_length") == 77)
      try Data(#"{"pad_token": "<|endoftext|>", "added_tokens_decoder": {}}"#.utf8)
        .write(to: tokenizer.appendingPathComponent("tokenizer_config.json"))
      #expect(try padding() == "<|endoftext|>")
    }
  }

  @Test func theFullFileComesBeforeItsHalf() throws {
    try Sample.withFolder { folder in
      try write(["a": Tensor([1], shape: [1])], folder.appendingPathComponent("model.fp16.safetensors"))
      #expect(try Weights(componentAt: folder.path).tensor("a", [1]).tensor().elements == [1])
      try write(["a": Tensor([2], shape: [1])], folder.appendingPathComponent("model.safetensors"))
      #expect(try Weights(componentAt: folder.path).tensor("a", [1]).tensor().elements == [2])
    }
  }

  @Test func whatIsNoFileIsRefused() throws {
    try Sample.withFolder { folder in
      #expect(throws: WeightsError.self) { _ = try Weights(componentAt: folder.path) }
      #expect {
        _ = try SafetensorsFile(at: folder.path)
      } throws: { "\($0)".contains("not a regular file") }
      let empty = folder.appendingPathComponent("empty.safetensors")
      try Data().write(to: empty)
      #expect { _ = try SafetensorsFile(at: empty.path) } throws: { "\($0)".contains("the file is empty") }
      #expect { _ = try SafetensorsFile(at: folder.path + "/gone") } throws: { "\($0)".contains("No such file") }
    }
  }
}
