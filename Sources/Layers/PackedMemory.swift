import CKernels
import Tensors

/// Weights in the layout that a kernel reads: written once by `pack`, read-only after.
final class PackedMemory: @unchecked Sendable {
  let base: UnsafeMutableRawPointer
  private let bytes: Int

  init(bytes: Int) {
    guard let base = ldm_allocate(max(bytes, 64), true) else {
      preconditionFailure("no memory for \(bytes) bytes of weights")
    }
    self.base = base
    self.bytes = max(bytes, 64)
  }

  convenience init(bytes: Int, packing: (UnsafeMutableRawPointer) -> Void) {
    self.init(bytes: bytes)
    packing(base)
  }

  deinit { ldm_release(base, bytes) }
}

extension Tensor {
  /// Where the elements start. The tensor must be kept alive by the caller (`withExtendedLifetime`).
  func withBase<R>(_ body: (UnsafePointer<Float>) throws -> R) rethrows -> R {
    try withElements { try body($0.baseAddress!) }
  }
}
