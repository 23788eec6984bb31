import Foundation
import Testing
import Weights

/// Made by `Tests/Reference/checkpoints.py`.
private let fixtures = Bundle.module.resourcePath! + "/Fixtures/torch"

private let refusals: [String: String] = {
  let data = FileManager.default.contents(atPath: "\(fixtures)/hostile.json")!
  return try! JSONDecoder().decode([String: String].self, from: data)
}()

@Suite struct TorchFileTests {
  @Test(arguments: ["mixed.pt", "mixed-legacy.pt", "bare.bin"])
  func equalsSafetensors(name: String) throws {
    let found = try TensorFile(at: "\(fixtures)/\(name)")
    let expected = try TensorFile(at: "\(fixtures)/mixed.safetensors")
    #expect(found.format == (name.contains("legacy") ? .torchLegacy : .torchZip))
    #expect(found.tensors.keys.filter { !$0.contains(".") }.sorted() == expected.tensors.keys.sorted())
    for (name, tensor) in expected.tensors {
      let other = try #require(found.tensors[name])
      #expect(other.shape == tensor.shape && other.type == tensor.type, "\(name)")
      let isEqual = tensor.withBytes { a in other.withBytes { b in a.elementsEqual(b) } }
      #expect(isEqual, "\(name)")
      #expect(tensor.tensor().elements == other.tensor().elements, "\(name)")
    }
  }

  @Test func numbersBesideTheWeightsAreRead() throws {
    let file = try TensorFile(at: "\(fixtures)/mixed.pt")
    #expect(file.numbers["global_step"] == 840_000 && file.numbers["epoch"] == 12 && file.numbers["small"] == -2)
  }

  @Test func nestedTensorsAreNamedByTheirPath() throws {
    #expect(try TensorFile(at: "\(fixtures)/embedding.pt").tensors.keys.sorted() == ["string_to_param.*"])
  }

  @Test(arguments: refusals.keys.sorted())
  func hostileFilesAreRefusedByName(name: String) throws {
    #expect {
      _ = try TensorFile(at: "\(fixtures)/hostile/\(name).pt")
    } throws: { error in
      "\(error)".contains(refusals[name]!) && "\(error)".split(separator: "\n").count == 1
    }
  }

  /// A million lists, each in the one before it, and a tensor in none of them: no recursion, no memory without end.
  @Test func depthCostsNoStack() throws {
    let deep = Array(repeating: UInt8(ascii: "]"), count: 900_000) + Array(repeating: UInt8(ascii: "a"), count: 899_999)
    #expect(throws: WeightsError.malformed(file: "deep", why: "a pickle without tensors")) {
      _ = try TensorFile(torch([0x80, 2] + deep + [UInt8(ascii: ".")], name: "deep"))
    }
  }

  @Test(arguments: [UInt8(ascii: "N"), UInt8(ascii: "]"), UInt8(ascii: "(")])
  func endlessOperationsAreStopped(code: UInt8) throws {
    #expect(throws: WeightsError.refused(file: "long", what: "a pickle of more than 2000000 operations")) {
      _ = try TensorFile(torch([0x80, 2] + Array(repeating: code, count: 2_100_000), name: "long"))
    }
  }

  /// Each dictionary holds the one before it twice: 2^64 paths, 64 dictionaries.
  @Test func fansAreWalkedOnce() throws {
    var fan: [UInt8] = [0x80, 4] + Array("}q\0".utf8)
    for i in 0..<64 as Range<UInt8> {
      for key in [0x61, 0x62] as [UInt8] {
        fan += (key == 0x61 ? [UInt8(ascii: "}")] : []) + [0x8c, 1, key, 0x68, i, 0x73]
      }
      fan += [UInt8(ascii: "q"), i + 1, UInt8(ascii: "0")]
    }
    fan += Array("0h\u{40}.".utf8)
    #expect(throws: WeightsError.malformed(file: "fan", why: "a pickle without tensors")) {
      _ = try TensorFile(torch(fan, name: "fan"))
    }
  }
}

/// A zip file as torch.save writes it, with this pickle and nothing else.
private func torch(_ pickle: [UInt8], name: String) -> MappedFile {
  let path = Array("archive/data.pkl".utf8)
  func field(_ value: Int, _ size: Int) -> [UInt8] { (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
  let common = field(0, 10) + field(0, 4) + field(pickle.count, 4) + field(pickle.count, 4) + field(path.count, 2)
  let local = Array("PK\u{3}\u{4}".utf8) + field(20, 2) + common.dropFirst(2) + field(0, 2) + path + pickle
  let central = Array("PK\u{1}\u{2}".utf8) + field(20, 2) + field(20, 2) + common.dropFirst(2) + field(0, 16) + path
  let end =
    Array("PK\u{5}\u{6}".utf8) + field(0, 4) + field(1, 2) + field(1, 2) + field(central.count, 4)
    + field(local.count, 4) + field(0, 2)
  return MappedFile(name: name, contents: local + central + end)
}
