import Tensors

/// Weights in the layout that a kernel reads: written once by `pack`, read-only after.
final class PackedMemory: @unchecked Sendable {
  let base: UnsafeMutableRawPointer

  init(bytes: Int) {
    base = UnsafeMutableRawPointer.allocate(byteCount: max(bytes, 64), alignment: 64)
  }

  convenience init(floats: Int, packing: (UnsafeMutablePointer<Float>) -> Void) {
    self.init(bytes: floats * 4)
    packing(self.floats)
  }

  var floats: UnsafeMutablePointer<Float> { base.assumingMemoryBound(to: Float.self) }

  deinit { base.deallocate() }
}

extension Tensor {
  /// Where the elements start. The tensor must be kept alive by the caller (`withExtendedLifetime`).
  func withBase<R>(_ body: (UnsafePointer<Float>) throws -> R) rethrows -> R {
    try withElements { try body($0.baseAddress!) }
  }
}
