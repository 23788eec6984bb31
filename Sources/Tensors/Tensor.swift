/// A dense array of 32-bit floats in row-major order, with value semantics (copy on write).
///
/// Latents and images are `[N, C, H, W]`, tokens `[N, T, D]`. Activations are always f32: lower precisions exist only
/// where they pay, in packed weights and inside kernels, so no operation here has to ask for a type.
/// Shapes are the programmer's contract: a mismatch is a precondition failure, never a thrown error. Input that a user
/// can get wrong is checked where it enters (`Weights`, `Images`, the conditioners).
public struct Tensor: Sendable {
  public let shape: [Int]
  var storage: Storage

  /// Number of elements.
  public var count: Int { storage.count }

  /// A tensor whose elements `body` writes, all of them: the memory is not cleared first.
  public init(shape: [Int], initializing body: (UnsafeMutableBufferPointer<Float>) throws -> Void) rethrows {
    let count = shape.reduce(1, *)
    precondition(shape.allSatisfy { $0 >= 0 }, "negative extent in shape \(shape)")
    storage = Storage(count: count)
    self.shape = shape
    try body(UnsafeMutableBufferPointer(start: storage.base, count: count))
  }

  public init(_ elements: [Float], shape: [Int]) {
    precondition(elements.count == shape.reduce(1, *), "\(elements.count) elements cannot fill shape \(shape)")
    self.init(shape: shape) { _ = $0.update(fromContentsOf: elements) }
  }

  public init(repeating value: Float, shape: [Int]) {
    self.init(shape: shape) { $0.update(repeating: value) }
  }

  public init(zeros shape: [Int]) { self.init(repeating: 0, shape: shape) }

  /// A view of memory that `owner` keeps alive; copied at the first write.
  public init(borrowing base: UnsafePointer<Float>, shape: [Int], owner: AnyObject) {
    self.shape = shape
    storage = Storage(borrowing: base, count: shape.reduce(1, *), owner: owner)
  }

  init(shape: [Int], storage: Storage) {
    self.shape = shape
    self.storage = storage
  }

  public func withElements<R>(_ body: (UnsafeBufferPointer<Float>) throws -> R) rethrows -> R {
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeBufferPointer(start: storage.base, count: storage.count))
  }

  /// Writes in place when this is the only reference, else in a copy.
  public mutating func withMutableElements<R>(_ body: (UnsafeMutableBufferPointer<Float>) throws -> R) rethrows -> R {
    if isShared {
      let copy = Storage(count: storage.count)
      copy.base.update(from: storage.base, count: storage.count)
      storage = copy
    }
    return try body(UnsafeMutableBufferPointer(start: storage.base, count: storage.count))
  }

  /// Whether writing would copy: something else holds the elements, or they are borrowed.
  public var isShared: Bool {
    mutating get { !isKnownUniquelyReferenced(&storage) || storage.isBorrowed }
  }

  /// The elements as an array, row-major.
  public var elements: [Float] { withElements(Array.init) }

  public subscript(flat index: Int) -> Float {
    get {
      precondition(index >= 0 && index < count, "element \(index) of \(count)")
      return storage.base[index]
    }
    set { withMutableElements { $0[index] = newValue } }
  }
}
