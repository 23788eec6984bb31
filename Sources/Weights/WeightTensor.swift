import CKernels
import Tensors

/// Number formats of safetensors files.
public enum ElementType: String, Sendable, CaseIterable {
  case f64 = "F64"
  case f32 = "F32"
  case f16 = "F16"
  case bf16 = "BF16"
  case i64 = "I64"
  case i32 = "I32"
  case i16 = "I16"
  case i8 = "I8"
  case u64 = "U64"
  case u32 = "U32"
  case u16 = "U16"
  case u8 = "U8"
  case bool = "BOOL"
  case f8e4m3 = "F8_E4M3"
  case f8e5m2 = "F8_E5M2"

  public var size: Int {
    switch self {
    case .f64, .i64, .u64: 8
    case .f32, .i32, .u32: 4
    case .f16, .bf16, .i16, .u16: 2
    case .i8, .u8, .bool, .f8e4m3, .f8e5m2: 1
    }
  }

  /// Whether the engine computes with weights of this type.
  public var isWeight: Bool {
    switch self {
    case .f64, .f32, .f16, .bf16: true
    default: false
    }
  }
}

/// A tensor where it lies in a file; it may start at any byte, and its elements may stand apart.
public struct WeightTensor: Sendable {
  public let name: String
  public let type: ElementType
  public let shape: [Int]
  /// Elements between neighbours along each axis of `extents`; nil where they stand in row-major order without gaps.
  let strides: [Int]?
  /// The axes that `strides` goes by: of as many elements as `shape`, in the same order.
  let extents: [Int]
  /// Of the first element in the owner's bytes.
  package let offset: Int
  let owner: MappedFile
  private let rowScale: RowScale?

  /// - Parameters:
  ///   - strides: in elements. The caller has checked that all elements lie in `owner`.
  ///   - extents: nil: `shape`.
  ///   - scale: of 8-bit integers, a number for each row of the first axis.
  init(
    name: String, type: ElementType, shape: [Int], strides: [Int]? = nil, extents: [Int]? = nil, offset: Int,
    owner: MappedFile, scale: WeightTensor? = nil
  ) {
    precondition(scale.map { type == .i8 && $0.shape == [shape[0]] } ?? true, "\(name): scale for \(shape)")
    rowScale = scale.map(RowScale.init)
    (self.name, self.type, self.shape, self.offset, self.owner) = (name, type, shape, offset, owner)
    self.extents = extents ?? shape
    self.strides = strides.flatMap { Self.isDense(extents ?? shape, $0) ? nil : $0 }
  }

  private static func isDense(_ shape: [Int], _ strides: [Int]) -> Bool {
    var expected = 1
    for (extent, stride) in zip(shape, strides).reversed() {
      if extent > 1 && stride != expected { return shape.contains(0) }
      expected *= extent
    }
    return true
  }

  /// What 8-bit integers are multiplied by, `[rows]`: see `Int8Weights`.
  var scale: WeightTensor? { rowScale?.tensor }

  /// Whether the engine computes with it.
  public var isWeight: Bool { type.isWeight || rowScale != nil }

  public var count: Int { shape.reduce(1, *) }
  public var byteCount: Int { count * type.size }

  /// The bytes, little-endian, row-major; gathered where they stand apart.
  public func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    defer { withExtendedLifetime(owner) {} }
    guard let strides else {
      return try body(UnsafeRawBufferPointer(rebasing: owner.bytes[offset..<(offset + byteCount)]))
    }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
    defer { buffer.deallocate() }
    gather(strides, into: buffer)
    return try body(UnsafeRawBufferPointer(buffer))
  }

  private func gather(_ strides: [Int], into buffer: UnsafeMutableRawBufferPointer) {
    guard let target = buffer.baseAddress, let start = owner.bytes.baseAddress else { return }
    // Elements side by side move at once.
    var (run, axes) = (1, extents.count)
    while axes > 0, strides[axes - 1] == run {
      axes -= 1
      run *= extents[axes]
    }
    var index = Array(repeating: 0, count: axes)
    var source = 0
    for place in 0..<(count / run) {
      (target + place * run * type.size).copyMemory(
        from: start + offset + source * type.size, byteCount: run * type.size)
      var axis = axes - 1
      while axis >= 0 {
        index[axis] += 1
        source += strides[axis]
        if index[axis] < extents[axis] { break }
        source -= index[axis] * strides[axis]
        index[axis] = 0
        axis -= 1
      }
    }
  }

  /// For messages: the file.
  var source: String { owner.name }

  /// The values as f32. Aligned f32 is not copied: it stays in the file's mapping.
  public func tensor() -> Tensor {
    if strides == nil, type == .f32 {
      let start = owner.bytes.baseAddress! + offset
      if Int(bitPattern: start) % 4 == 0 {
        return Tensor(borrowing: start.assumingMemoryBound(to: Float.self), shape: shape, owner: owner)
      }
    }
    let converted = Tensor(shape: shape) { out in
      withBytes { if let start = $0.baseAddress { convert(start, to: out) } }
      if let scale { Int8Weights.multiply(out, by: scale.tensor()) }
    }
    if strides == nil { owner.release(offset..<(offset + byteCount)) }
    return converted
  }

  /// Rows of a table `[rows, width]`, in the order of `indices`: `[indices, width]`. Only they are converted.
  public func rows(_ indices: [Int]) -> Tensor {
    precondition(shape.count == 2 && indices.allSatisfy { $0 >= 0 && $0 < shape[0] }, "rows outside table \(shape)")
    let width = shape[1]
    return Tensor(shape: [indices.count, width]) { out in
      withBytes { bytes in
        for (place, row) in indices.enumerated() {
          let target = UnsafeMutableBufferPointer(rebasing: out[(place * width)..<((place + 1) * width)])
          convert(bytes.baseAddress! + row * width * type.size, to: target)
        }
      }
      guard let factors = scale?.tensor() else { return }
      Int8Weights.multiply(out, by: Tensor(indices.map { factors[flat: $0] }, shape: [indices.count]))
    }
  }

  private func convert(_ start: UnsafeRawPointer, to out: UnsafeMutableBufferPointer<Float>) {
    guard let target = out.baseAddress, !out.isEmpty else { return }
    switch type {
    case .f32: UnsafeMutableRawPointer(target).copyMemory(from: start, byteCount: out.count * 4)
    case .f16: ldm_f16_to_f32(target, start, out.count)
    case .bf16: ldm_bf16_to_f32(target, start, out.count)
    case .f64: for i in out.indices { out[i] = Float(start.loadUnaligned(fromByteOffset: 8 * i, as: Double.self)) }
    case .i64: for i in out.indices { out[i] = Float(start.loadUnaligned(fromByteOffset: 8 * i, as: Int64.self)) }
    case .i32: for i in out.indices { out[i] = Float(start.loadUnaligned(fromByteOffset: 4 * i, as: Int32.self)) }
    case .i8: for i in out.indices { out[i] = Float(start.load(fromByteOffset: i, as: Int8.self)) }
    case .u8, .bool: for i in out.indices { out[i] = Float(start.load(fromByteOffset: i, as: UInt8.self)) }
    default: preconditionFailure("\(name): \(type.rawValue) is not read as numbers")
    }
  }
}

/// A box, as a tensor cannot hold another.
private final class RowScale: Sendable {
  let tensor: WeightTensor

  init(_ tensor: WeightTensor) { self.tensor = tensor }
}
