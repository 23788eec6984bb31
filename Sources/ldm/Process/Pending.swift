import Dispatch
import Synchronization

/// Work on another thread, whose outcome is waited for.
///
/// Such threads read, decode, encode and write pictures. They never call the kernels: the kernels' thread team belongs to
/// the main thread. Signals come to the main thread, which therefore never waits without looking up.
final class Pending<Value: Sendable>: Sendable {
  private let outcome = Mutex<Result<Value, any Error>?>(nil)
  private let done = DispatchSemaphore(value: 0)

  init(on queue: DispatchQueue, _ body: @escaping @Sendable () throws -> Value) {
    queue.async {
      let result = Result { try body() }
      self.outcome.withLock { $0 = result }
      self.done.signal()
    }
  }

  /// Waits for the outcome. Called once.
  ///
  /// - Parameter idle: called every now and then; what it throws ends the wait, not the work.
  func value(idle: () throws -> Void) throws -> Value {
    while done.wait(timeout: .now() + .milliseconds(50)) == .timedOut { try idle() }
    return try outcome.withLock { $0! }.get()
  }
}
