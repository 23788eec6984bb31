import Tensors
import Testing
import Weights

@Suite struct WeightTensorTests {
  /// Little-endian bytes of each type, and the numbers they are.
  static let values: [(type: String, bytes: [UInt8], numbers: [Float])] = [
    ("F32", [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0], [1, -2]), ("F16", [0, 0x3c, 1, 0x80], [1, -0x1p-24]),
    ("F16", [0xff, 0x7b, 0, 0xfc], [65504, -.infinity]), ("BF16", [0x80, 0x3f, 0x49, 0xc0], [1, -3.140625]),
    ("F64", [0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0], [1.5, -2]),
    ("I64", [7, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [7, -1]),
    ("I32", [7, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff], [7, -2]), ("U8", [7, 255], [7, 255]), ("BOOL", [1, 0], [1, 0]),
  ]

  /// Files may put a tensor at any byte: a header and a tensor before it move it by `shift`.
  @Test(arguments: values, 0..<5)
  func isReadAtAnyAlignment(value: (type: String, bytes: [UInt8], numbers: [Float]), shift: Int) throws {
    let end = shift + value.bytes.count
    let header =
      "{\(Sample.entry("a", "U8", "[\(shift)]", 0, shift)),\(Sample.entry("b", value.type, "[2]", shift, end))}"
    let file = try Sample.file(header, data: Array(repeating: 9, count: shift) + value.bytes)
    #expect(file.tensors["b"]?.tensor().elements == value.numbers)
  }

  @Test func outlivesItsFile() throws {
    func value() throws -> Tensor {
      try #require(
        try Sample.file("{\(Sample.entry("a", "F32", "[1]", 0, 4))}", data: [0, 0, 0x80, 0x3f]).tensors["a"]
      ).tensor()
    }
    var tensor = try value()
    #expect(tensor.elements == [1])
    tensor[flat: 0] = 2  // into memory of its own, not into the file's
    #expect(tensor.elements == [2])
  }

  @Test(arguments: [ElementType.f32, .f16, .bf16])
  func rowsOfATable(type: ElementType) throws {
    let table = Tensor((0..<12).map(Float.init), shape: [4, 3])
    let bytes = try SafetensorsWriter.encoded(["t": table], as: type)
    let file = try SafetensorsFile(MappedFile(name: "x", contents: bytes))
    let rows = try #require(file.tensors["t"]).rows([3, 0, 3])
    #expect(rows.shape == [3, 3] && rows.elements == [9, 10, 11, 0, 1, 2, 9, 10, 11])
  }
}
