import Foundation

/// A tensor of a file to be written: one that lies in another file, or several, one below the other.
struct TensorPieces {
  var parts: [WeightTensor]
  /// nil keeps the type.
  var type: ElementType?

  var written: ElementType { parts[0].type.isWeight ? type ?? parts[0].type : parts[0].type }
  var shape: [Int] {
    guard parts.count > 1 else { return parts[0].shape }
    return [parts.reduce(0) { $0 + $1.shape[0] }] + parts[0].shape.dropFirst()
  }

  /// Calls `body` with the bytes, part by part.
  func write(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    for part in parts {
      if part.type == written {
        try part.withBytes(body)
      } else {
        try SafetensorsWriter.bytes(of: part.tensor(), as: written).withUnsafeBytes(body)
      }
    }
  }
}

extension SafetensorsWriter {
  /// Streams a file: tensors in the order of their names, the data from a multiple of 8 on.
  ///
  /// - Parameter write: is given the bytes in order, a tensor at a time.
  static func stream(
    _ tensors: [String: TensorPieces], metadata: [String: String], write: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let names = tensors.keys.sorted()
    let header = try header(names.map { ($0, tensors[$0]!.written, tensors[$0]!.shape) }, metadata: metadata)
    try header.withUnsafeBytes(write)
    for name in names { try tensors[name]!.write(write) }
  }
}
