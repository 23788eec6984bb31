import Dispatch
import Synchronization

/// Work on another thread, whose outcome is waited for.
///
/// Signals come to the main thread, which therefore never waits without looking up.
final class Pending<Value: Sendable>: Sendable {
  private let outcome = Mutex<Result<Value, any Error>?>(nil)
  private let done = DispatchSemaphore(value: 0)

  /// Work that somebody else does and tells of by `fulfil`.
  init() {}

  init(on queue: DispatchQueue, _ body: @escaping @Sendable () throws -> Value) {
    queue.async { self.fulfil(Result { try body() }) }
  }

  /// Called once.
  func fulfil(_ result: Result<Value, any Error>) {
    outcome.withLock { $0 = result }
    done.signal()
  }

  var isDone: Bool { outcome.withLock { $0 != nil } }

  /// Waits for the outcome, deaf to signals.
  func wait() throws -> Value {
    done.wait()
    return try told().get()
  }

  /// Waits for the outcome on the main thread.
  ///
  /// - Parameter idle: called every now and then; what it throws ends the wait, not the work.
  func result(idle: () throws -> Void) throws -> Result<Value, any Error> {
    while done.wait(timeout: .now() + .milliseconds(50)) == .timedOut { try idle() }
    return told()
  }

  private func told() -> Result<Value, any Error> {
    done.signal()  // Whoever else waits.
    return outcome.withLock { $0! }
  }
}
