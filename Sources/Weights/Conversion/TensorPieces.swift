import Foundation

/// A tensor of a file to be written: one that lies in another file, or several, one below the other.
struct TensorPieces {
  /// What a file holds under one name.
  struct Entry {
    let name: String
    let type: ElementType
    let shape: [Int]
    /// Calls a body with the bytes, part by part.
    let write: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void
  }

  var parts: [WeightTensor]
  /// nil keeps the type.
  var type: ElementType?

  var written: ElementType { parts[0].isWeight ? type ?? parts[0].type : parts[0].type }
  var shape: [Int] {
    guard parts.count > 1 else { return parts[0].shape }
    return [parts.reduce(0) { $0 + $1.shape[0] }] + parts[0].shape.dropFirst()
  }

  /// The tensor, and the scales where it is one of 8-bit integers.
  func entries(named name: String) -> [Entry] {
    let whole = Entry(name: name, type: written, shape: shape, write: write)
    guard written == .i8 else { return [whole] }
    let rows = [shape[0]] + shape.dropFirst().map { _ in 1 }
    return [whole, Entry(name: Int8Weights.scaleName(name), type: .f32, shape: rows, write: writeScales)]
  }

  private func write(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    for part in parts {
      if part.type == written {
        try part.withBytes(body)
      } else if written == .i8 {
        try quantized(part).values.withUnsafeBytes(body)
      } else {
        try SafetensorsWriter.bytes(of: part.tensor(), as: written).withUnsafeBytes(body)
      }
    }
  }

  private func writeScales(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    for part in parts {
      if let scale = part.scale {
        try scale.tensor().withElements { try body(UnsafeRawBufferPointer($0)) }
      } else {
        try quantized(part).scales.withUnsafeBytes(body)
      }
    }
  }

  private func quantized(_ part: WeightTensor) throws -> (values: [Int8], scales: [Float]) {
    try Int8Weights.quantized(part.tensor(), named: part.name, file: part.source)
  }
}

extension SafetensorsWriter {
  /// Streams a file: tensors in the order of their names, those of wide numbers first, the data from a multiple of 8 on; so
  /// each starts at a multiple of its numbers' size.
  ///
  /// - Parameter write: is given the bytes in order, a tensor at a time.
  static func stream(
    _ tensors: [String: TensorPieces], metadata: [String: String], write: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let entries = tensors.flatMap { $1.entries(named: $0) }.sorted { ($1.type.size, $0.name) < ($0.type.size, $1.name) }
    try header(entries.map { ($0.name, $0.type, $0.shape) }, metadata: metadata).withUnsafeBytes(write)
    for entry in entries { try entry.write(write) }
  }
}
