import Foundation
import Tensors
import Testing
import Weights

@Suite struct SafetensorsWriterTests {
  /// All of these numbers fit each format exactly.
  private let tensors: [String: Tensor] = [
    "b.weight": Tensor([1, -2, 0.5, 0, 1024, -0.25], shape: [2, 3]), "a": Tensor([3], shape: [1]),
    "empty": Tensor([] as [Float], shape: [0, 4]), "ü \"quoted\"/": Tensor([7, 8], shape: [2]),
  ]

  @Test(arguments: [ElementType.f32, .f16, .bf16])
  func whatIsWrittenIsRead(type: ElementType) throws {
    let bytes = try SafetensorsWriter.encoded(tensors, as: type, metadata: ["width": "24", "ä": "\n\u{1}"])
    let file = try SafetensorsFile(MappedFile(name: "x", contents: bytes))
    #expect(file.metadata == ["width": "24", "ä": "\n\u{1}"])
    #expect(Set(file.tensors.keys) == Set(tensors.keys))
    for (name, tensor) in tensors {
      let read = try #require(file.tensors[name])
      #expect(read.type == type && read.shape == tensor.shape && read.tensor().elements == tensor.elements)
    }
    let header = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    #expect(header % 8 == 0, "data begins at a multiple of eight")
  }

  @Test func equalTensorsGiveEqualBytes() throws {
    #expect(try SafetensorsWriter.encoded(tensors) == SafetensorsWriter.encoded(tensors))
  }
}
