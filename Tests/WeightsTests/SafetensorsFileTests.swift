import Testing
import Weights

/// Nothing that a header claims is believed.
@Suite struct SafetensorsFileTests {
  private static let eight: [UInt8] = Array(repeating: 0, count: 8)

  /// Header, data, and what the error must say.
  static let unsound: [(String, [UInt8], String)] = [
    ("", [], "header of 0 bytes"), ("[]", [], "no JSON object"), ("{\"a\":", [], "no JSON object"),
    ("{\"a\":1}", [], "a: dtype"), (#"{"a":{"dtype":"F32","shape":[2]}}"#, eight, "a: dtype"),
    ("{\(Sample.entry("a", "F33", "[2]", 0, 8))}", eight, "unknown type F33"),
    ("{\(Sample.entry("a", "F32", "[2]", 0, 16))}", eight, "bytes 0..<16 of 8"),
    ("{\(Sample.entry("a", "F32", "[2]", 8, 0))}", eight, "bytes 8..<0"),
    ("{\(Sample.entry("a", "F32", "[2]", 0, 4))}", eight, "takes 8 bytes"),
    ("{\(Sample.entry("a", "F32", "[3]", 0, 8))}", eight, "takes 12 bytes"),
    ("{\(Sample.entry("a", "F32", "[-2]", 0, 8))}", eight, "a: dtype"),
    ("{\(Sample.entry("a", "F32", "[2.5]", 0, 8))}", eight, "a: dtype"),
    ("{\(Sample.entry("a", "F32", "[true]", 0, 4))}", eight, "a: dtype"),
    ("{\(Sample.entry("a", "F32", "2", 0, 8))}", eight, "a: dtype"),
    ("{\(Sample.entry("a", "F32", "[9223372036854775807,9]", 0, 8))}", eight, "overflows"),
    ("{\(Sample.entry("a", "F32", "[0,4611686018427387904,4]", 0, 0))}", eight, "overflows"),
    ("{\(Sample.entry("a", "F32", "[18446744073709551616]", 0, 8))}", eight, "a: dtype"),
    ("{\(Sample.entry("a", "F32", "[1]", 0, 4))}", eight, "end at 4 of 8"),
    ("{\(Sample.entry("a", "F32", "[1]", 4, 8))}", eight, "starts at 4"),
    ("{\(Sample.entry("a", "F32", "[2]", 0, 8)),\(Sample.entry("b", "F32", "[1]", 4, 8))}", eight, "starts at 4"),
    ("{\(Sample.entry("a", "F32", "[1]", 0, 4)),\(Sample.entry("b", "F32", "[1]", 0, 4))}", eight, "starts at 0"),
  ]

  @Test(arguments: unsound)
  func refuses(header: String, data: [UInt8], why: String) {
    #expect {
      _ = try Sample.file(header, data: data)
    } throws: { error in
      guard case WeightsError.malformed(let file, let found) = error else { return false }
      return file == "x.safetensors" && found.contains(why)
    }
  }

  /// Claimed header lengths: just too long, longer than the format allows, and all bits set.
  @Test(arguments: [3, 100_000_001, UInt64.max, 1 << 63] as [UInt64])
  func refusesALengthThatTheFileLacks(length: UInt64) {
    #expect(throws: WeightsError.self) { _ = try Sample.file("{}", length: length) }
  }

  @Test(arguments: 0..<8)
  func refusesAFileWithoutALength(count: Int) {
    let file = MappedFile(name: "x", contents: Array(repeating: 2, count: count))
    #expect(throws: WeightsError.self) { _ = try SafetensorsFile(file) }
  }

  /// Every way to cut a sound file short.
  @Test func refusesEveryTruncation() throws {
    let whole = Sample.bytes(
      "{\(Sample.entry("a", "F32", "[2]", 0, 8)),\(Sample.entry("b", "U8", "[3]", 8, 11))}", data: Array(1...11))
    _ = try SafetensorsFile(MappedFile(name: "x", contents: whole))
    for count in whole.indices {
      #expect(throws: WeightsError.self, "\(count) of \(whole.count) bytes") {
        _ = try SafetensorsFile(MappedFile(name: "x", contents: Array(whole.prefix(count))))
      }
    }
  }

  @Test func readsEmptyTensorsScalarsAndMetadata() throws {
    let header = """
      {"__metadata__":{"format":"pt","n":1},\(Sample.entry("none", "F32", "[0,7]", 0, 0)),\
      \(Sample.entry("one", "F32", "[]", 0, 4))}
      """
    let file = try Sample.file(header, data: [0, 0, 0x80, 0x3f])
    #expect(file.tensors["none"]?.tensor().shape == [0, 7])
    #expect(file.tensors["one"]?.tensor().elements == [1])
    #expect(file.metadata == ["format": "pt"])
  }
}
