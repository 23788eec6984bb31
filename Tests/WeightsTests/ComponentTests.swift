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
