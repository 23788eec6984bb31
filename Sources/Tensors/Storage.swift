import CKernels

/// Memory of a tensor: 64-byte aligned floats, owned or borrowed from something that outlives them (a mapped file).
///
/// Written only while `Tensor` holds the one reference to it, so sharing it between threads is safe.
final class Storage: @unchecked Sendable {
  let base: UnsafeMutablePointer<Float>
  let count: Int
  /// Keeps borrowed memory alive; nil when the storage owns `base`.
  private let owner: AnyObject?

  init(count: Int) {
    guard let raw = ldm_allocate(max(count, 1) * MemoryLayout<Float>.stride, false) else {
      fatalError("out of memory: \(count) numbers asked for")
    }
    base = raw.bindMemory(to: Float.self, capacity: max(count, 1))
    self.count = count
    owner = nil
  }

  init(borrowing base: UnsafePointer<Float>, count: Int, owner: AnyObject) {
    self.base = UnsafeMutablePointer(mutating: base)
    self.count = count
    self.owner = owner
  }

  var isBorrowed: Bool { owner != nil }

  deinit {
    if owner == nil { ldm_release(base, max(count, 1) * MemoryLayout<Float>.stride) }
  }
}
