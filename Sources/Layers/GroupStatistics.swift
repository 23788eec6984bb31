/// What group norms found in one map, for others to be normalised by: parts of a picture that go through a network one by one
/// would each get a brightness and tint of its own by its own statistics.
///
/// Of one network and one task at a time.
public final class GroupStatistics: @unchecked Sendable {
  @TaskLocal static var current: GroupStatistics?

  /// Of each norm, in the order of calls: mean and reciprocal deviation, `[N, groups, 2]`.
  private var found: [[Float]] = []
  /// The next norm; nil while they are taken.
  private var next: Int?

  /// Of what `body` passes through a network.
  public init(of body: () throws -> Void) rethrows {
    try Self.$current.withValue(self) { try body() }
  }

  /// Passes something through the same network, normalised by these.
  public func apply<R>(_ body: () throws -> R) rethrows -> R {
    next = 0
    return try Self.$current.withValue(self) { try body() }
  }

  /// Calls `body` with the next norm's numbers, to be used where they are given, else to be filled in.
  func take(_ count: Int, _ body: (_ moments: UnsafeMutablePointer<Float>, _ given: Bool) -> Void) {
    if let index = next {
      precondition(index < found.count && found[index].count == count, "statistics of another network")
      next = index + 1
      found[index].withUnsafeMutableBufferPointer { body($0.baseAddress!, true) }
    } else {
      found.append(Array(repeating: 0, count: count))
      found[found.count - 1].withUnsafeMutableBufferPointer { body($0.baseAddress!, false) }
    }
  }
}
