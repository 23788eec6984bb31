import Dispatch
import Foundation
import LatentDiffusion
import Synchronization

/// The threads that make pictures, each with a team of kernel threads of its own.
///
/// A team belongs to the thread that first used it, so hands live as long as the process. Other threads read, decode, encode
/// and write pictures; once hands work, they never call the kernels.
final class Hands: Sendable {
  /// Why work that was not done was not done.
  struct Cancelled: Error {}

  private struct State {
    var work: [@Sendable () -> Void] = []
    /// Begun or to be begun.
    var open = 0
    var whenDone: (@Sendable () -> Void)?
  }

  let count: Int
  private let state = Mutex(State())
  private let waiting = DispatchSemaphore(value: 0)
  private let cancelled = Atomic<Bool>(false)

  /// - Parameters:
  ///   - count: how many.
  ///   - threads: of the kernels, shared out among them.
  init(_ count: Int, sharing threads: Int) {
    self.count = count
    let share = max(threads / count, 1)
    for number in 1...count {
      let thread = Thread { [self] in
        Signals.leaveToTheMainThread()
        Engine.setThreads(share)
        while true {
          waiting.wait()
          state.withLock { $0.work.removeFirst() }()
          state.withLock { state -> (@Sendable () -> Void)? in
            state.open -= 1
            return state.open == 0 ? state.whenDone : nil
          }?()
        }
      }
      thread.name = "ldm.hand.\(number)"
      thread.stackSize = 8 << 20
      thread.start()
    }
  }

  /// `body` runs on the first hand that is free, after what was added before it has begun.
  func add(_ body: @escaping @Sendable () -> Void) {
    state.withLock { state in
      state.open += 1
      state.work.append(body)
    }
    waiting.signal()
  }

  /// Nothing is added any more: `body` runs when all is done.
  func whenDone(_ body: @escaping @Sendable () -> Void) {
    let isDone = state.withLock { state in
      state.whenDone = body
      return state.open == 0
    }
    if isDone { body() }
  }

  /// Nothing more is begun, and what is begun ends after its step in hand.
  func cancel() { cancelled.store(true, ordering: .relaxed) }

  /// - Throws: `Cancelled`.
  func check() throws(Cancelled) {
    if cancelled.load(ordering: .relaxed) { throw Cancelled() }
  }
}
