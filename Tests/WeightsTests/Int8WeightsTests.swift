import Foundation
import Tensors
import Testing
import Weights

@Suite struct Int8WeightsTests {
  private static let fixture = Bundle.module.resourcePath! + "/Fixtures/int8/weights.safetensors"

  /// Integers times scales are numpy's products (`Tests/Reference/int8.py`), to the bit.
  @Test(arguments: [("matrix", [6, 10]), ("point", [4, 6, 1, 1]), ("tiny", [3, 5])])
  func areReadAsNumbers(name: String, shape: [Int]) throws {
    let raw = try TensorFile(at: Self.fixture).tensors
    let weights = try Weights(fileAt: Self.fixture)
    let weight = try weights[name].tensor("weight", shape)
    let product = try #require(raw["\(name).product"]).tensor()
    #expect(weight.tensor().elements == product.elements && weight.type == .i8)
    #expect(try weights[name].pending("weight", shape).values().elements == product.elements)
    #expect(!weights.contains("\(name).weight_scale") && weights.contains("\(name).weight"))
    #expect(product.elements.contains { $0 != 0 })
  }

  @Test func rowsOfATableHaveTheirScales() throws {
    let weights = try Weights(fileAt: Self.fixture)["matrix"]
    let (table, whole) = (try weights.tensor("weight", [6, 10]), try weights.tensor("weight", [6, 10]).tensor())
    let rows = table.rows([5, 0, 5])
    for (place, row) in [5, 0, 5].enumerated() {
      for column in 0..<10 { #expect(rows[flat: place * 10 + column] == whole[flat: row * 10 + column]) }
    }
  }

  /// A file of integers [2, 3], with whatever stands beside them, on the disk.
  private func refusal(_ entries: [String], _ data: [UInt8]) throws -> String? {
    var words: String?
    try Sample.withFolder { folder in
      let path = folder.appendingPathComponent("x.safetensors").path
      let header = "{\(([Sample.entry("a.weight", "I8", "[2,3]", 0, 6)] + entries).joined(separator: ","))}"
      try Data(Sample.bytes(header, data: [1, 2, 127, 255, 129, 0] + data)).write(to: URL(fileURLWithPath: path))
      do { _ = try Weights(fileAt: path)["a"].tensor("weight", [2, 3]) } catch {
        words = "\(error)".replacingOccurrences(of: path, with: "FILE")
      }
    }
    return words
  }

  private let one: [UInt8] = [0, 0, 0x80, 0x3f]

  @Test func scalesAreChecked() throws {
    let scale = Sample.entry("a.weight_scale", "F32", "[2,1]", 6, 14)
    #expect(try refusal([scale], one + one) == nil)
    #expect(try refusal([Sample.entry("a.weight_scale", "F32", "[2]", 6, 14)], one + one) == nil)
    #expect(
      try refusal([], []) == "FILE: a.weight holds 8-bit integers, and no a.weight_scale is there; fetch it again")
    #expect(
      try refusal([Sample.entry("a.weight_scale", "F32", "[3,1]", 6, 18)], one + one + one)
        == "FILE: not a sound file of weights: a.weight_scale is F32 [3, 1], expected a number for each of 2 rows of "
        + "a.weight; fetch it again")
    let whole = Sample.entry("a.weight_scale", "I64", "[2]", 6, 22)
    #expect(try refusal([whole], one + one + one + one)?.contains("is I64 [2], expected a number") == true)
    for bits: [UInt8] in [[0, 0, 0x80, 0x7f], [0, 0, 0xc0, 0x7f]] {
      #expect(
        try refusal([scale], one + bits)
          == "FILE: not a sound file of weights: a.weight_scale is not finite; fetch it again")
    }
    // ComfyUI's mark: its integers may be of weights that were rotated first.
    let mark = Sample.entry("a.comfy_quant", "U8", "[1]", 14, 15)
    #expect(try refusal([scale, mark], one + one + [0])?.contains("rotated") == true)
  }
}
