import Foundation
import Tensors
import Weights

/// Safetensors files written by hand, as sound or as broken as a test wants them.
enum Sample {
  /// Length, header, data.
  static func bytes(_ header: String, data: [UInt8] = [], length: UInt64? = nil) -> [UInt8] {
    withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian, Array.init) + Array(header.utf8) + data
  }

  static func file(_ header: String, data: [UInt8] = [], length: UInt64? = nil) throws -> SafetensorsFile {
    try SafetensorsFile(MappedFile(name: "x.safetensors", contents: bytes(header, data: data, length: length)))
  }

  /// `"name": {…}` of a header.
  static func entry(_ name: String, _ type: String, _ shape: String, _ start: Int, _ end: Int) -> String {
    #""\#(name)":{"dtype":"\#(type)","shape":\#(shape),"data_offsets":[\#(start),\#(end)]}"#
  }

  /// One scope of f32 tensors, each filled with its number.
  static func weights(_ shapes: [(String, [Int])]) throws -> Weights {
    let tensors = shapes.enumerated().map { ($1.0, Tensor(repeating: Float($0), shape: $1.1)) }
    let bytes = try SafetensorsWriter.encoded(Dictionary(uniqueKeysWithValues: tensors))
    return Weights(
      try SafetensorsFile(MappedFile(name: "x.safetensors", contents: bytes)).tensors, source: "x.safetensors")
  }

  /// A folder of the test's own, gone after it.
  static func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ldm-weights-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }
}
