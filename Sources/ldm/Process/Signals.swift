import Foundation
import Synchronization

/// The first SIGINT, SIGTERM or SIGHUP asks for an end after the step in hand; a second one ends the process at once.
enum Signals {
  /// Thrown where the step in hand is done.
  struct Interrupted: Error { let signal: Int32 }

  private static let caught = Atomic<Int32>(0)
  private static let asked = Atomic<Bool>(false)
  /// A named temporary file, removed before the process dies. Unnamed ones need no care.
  private static let temporary = Atomic<UInt>(0)

  static func install() {
    _ = (caught.load(ordering: .relaxed), asked.load(ordering: .relaxed), temporary.load(ordering: .relaxed))
    for number in [SIGINT, SIGTERM, SIGHUP] {
      var old = sigaction()
      sigaction(number, nil, &old)
      // nohup, and shells that start a job in the background, have it ignored: so it stays.
      guard unsafeBitCast(old.__sigaction_handler.sa_handler, to: Int.self) != unsafeBitCast(SIG_IGN, to: Int.self)
      else {
        continue
      }
      handle(number) { number in
        if Signals.caught.exchange(number, ordering: .sequentiallyConsistent) != 0 { Signals.die(by: number) }
      }
    }
    // A parent that blocked them passed that on; a filter that nobody can stop is no use.
    var set = sigset_t()
    sigemptyset(&set)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGUSR1] { sigaddset(&set, number) }
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
    handle(SIGUSR1) { _ in Signals.asked.store(true, ordering: .relaxed) }
    // Writing tells it: only of results is nobody's reading a reason to end.
    signal(SIGPIPE, SIG_IGN)
  }

  /// Called on a thread that is not to be disturbed.
  static func leaveToTheMainThread() {
    var set = sigset_t()
    sigemptyset(&set)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGUSR1] { sigaddset(&set, number) }
    pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  private static func handle(_ number: Int32, _ body: @escaping @convention(c) (Int32) -> Void) {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = body
    // No SA_RESTART: a read from a pipe that nobody feeds ends at the first signal.
    sigaction(number, &action, nil)
  }

  /// - Throws: `Interrupted` once a signal has come.
  static func check() throws(Interrupted) {
    let number = caught.load(ordering: .relaxed)
    if number != 0 { throw Interrupted(signal: number) }
  }

  /// Whether SIGUSR1 asked for a line since the last call.
  static func progressWasAsked() -> Bool { asked.exchange(false, ordering: .relaxed) }

  /// Ends the process by `number`, so that the shell sees which signal it was. Safe in a handler.
  static func die(by number: Int32) {
    if let path = UnsafeMutablePointer<CChar>(bitPattern: temporary.load(ordering: .relaxed)) { unlink(path) }
    signal(number, SIG_DFL)
    var set = sigset_t()
    sigemptyset(&set)
    sigaddset(&set, number)
    raise(number)
    pthread_sigmask(SIG_UNBLOCK, &set, nil)
  }

  /// Runs `body` with `path` known as a file that is to go if the process dies.
  static func withTemporary<R>(_ path: FileName, _ body: () throws -> R) rethrows -> R {
    let copy = path.withPath { strdup($0) }
    temporary.store(UInt(bitPattern: copy), ordering: .relaxed)
    defer {
      temporary.store(0, ordering: .relaxed)
      free(copy)
    }
    return try body()
  }
}
