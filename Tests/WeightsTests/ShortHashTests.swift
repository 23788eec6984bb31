import Foundation
import Tensors
import Testing
import Weights

@Suite struct ShortHashTests {
  private func file(_ bytes: some Sequence<UInt8>) throws -> String {
    let path = FileManager.default.temporaryDirectory.appending(path: "hash-\(UUID())").path
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  /// FIPS 180-4's first example.
  @Test func wholeFilesAreHashed() throws {
    let path = try file("abc".utf8)
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect(try ShortHash.ofFile(at: path) == "ba7816bf8f01")
    #expect(try ShortHash.ofLoRA(at: path) == "ba7816bf8f01")
    #expect(throws: WeightsError.self) { _ = try ShortHash.ofFile(at: "\(path).gone") }
  }

  /// The header, in which titles and tags change, does not count; and a trainer's own word is taken.
  @Test func tensorsAloneCountInALoRA() throws {
    let plain = try SafetensorsWriter.encoded(["a": Tensor(zeros: [4])])
    let titled = try SafetensorsWriter.encoded(["b.weight": Tensor(zeros: [4])])
    let known = #"{"__metadata__":{"sshs_model_hash":"0123456789abcdef0123"}}"#
    let size = withUnsafeBytes(of: UInt64(known.utf8.count).littleEndian) { Array($0) }
    let paths = try [file(plain), file(titled), file(size + known.utf8)]
    defer { for path in paths { try? FileManager.default.removeItem(atPath: path) } }
    #expect(try ShortHash.ofLoRA(at: paths[0]) == ShortHash.ofLoRA(at: paths[1]))
    #expect(try ShortHash.ofFile(at: paths[0]) != ShortHash.ofFile(at: paths[1]))
    #expect(try ShortHash.ofLoRA(at: paths[2]) == "0123456789ab")
  }
}
