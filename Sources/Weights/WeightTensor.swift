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

/// A tensor where it lies in a file; it may start at any byte.
public struct WeightTensor: Sendable {
  public let name: String
  public let type: ElementType
  public let shape: [Int]
  /// The file's bytes of this tensor; alive as long as `owner` is.
  let offset: Int
  let owner: MappedFile

  public var count: Int { shape.reduce(1, *) }
  public var byteCount: Int { count * type.size }

  /// The bytes, little-endian.
  public func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    defer { withExtendedLifetime(owner) {} }
    return try body(UnsafeRawBufferPointer(rebasing: owner.bytes[offset..<(offset + byteCount)]))
  }

  /// The values as f32. Aligned f32 is not copied: it stays in the file's mapping.
  public func tensor() -> Tensor { tensor(shape: shape) }

  func tensor(shape: [Int]) -> Tensor {
    withBytes { bytes in
      let start = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 64)!
      if type == .f32 && Int(bitPattern: start) % 4 == 0 {
        return Tensor(borrowing: start.assumingMemoryBound(to: Float.self), shape: shape, owner: owner)
      }
      return Tensor(shape: shape) { convert(start, to: $0) }
    }
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
    case .u8, .bool: for i in out.indices { out[i] = Float(start.load(fromByteOffset: i, as: UInt8.self)) }
    default: preconditionFailure("\(name): \(type.rawValue) is not read as numbers")
    }
  }
}
