import Foundation
import LatentDiffusion

/// Other processes of this program, which want the same processors.
///
/// A team of threads that has to share its processors waits for its slowest member at each step: two processes of two
/// threads on two processors are far slower than two of one thread. So processes that work side by side, as `xargs -P` starts
/// them, take an even share. One that waits for its input, as the next in a pipe does, is none of them.
///
/// Each holds a shared lock on the program's own file while it has work, which the system lists and lets go when it dies.
enum Neighbours {
  private static let file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)
  /// F_OFD_SETLK, a macro that Swift does not import: the lock is that of the open file, not of the process.
  private static let setLock: Int32 = 37

  /// This process has work: called before its first input is read, where that is sure to come.
  static func join() { lock(F_RDLCK) }

  /// It has no more.
  static func leave() { lock(F_UNLCK) }

  private static func lock(_ kind: Int32) {
    #if os(Linux)
      var lock = flock()
      lock.l_type = Int16(kind)
      lock.l_whence = Int16(SEEK_SET)
      if file >= 0 { _ = fcntl(file, setLock, &lock) }
    #endif
  }

  /// Sets the number of threads, unless the user did: by `--threads` or `OMP_NUM_THREADS`. Called once, when there is
  /// something to work on and before any kernel runs.
  static func share(with options: ModelOptions) {
    join()
    guard options.threads == nil, ProcessInfo.processInfo.environment["OMP_NUM_THREADS"] == nil else { return }
    let (all, count) = (Engine.threads, self.count)
    let share = max(min(all, ControlGroup.processors ?? all) / count, 1)
    if share < all { Engine.setThreads(share) }
  }

  /// How many processes have work, this one included: locks on the file in /proc/locks, each as
  /// "1: OFDLCK ADVISORY READ -1 fe:00:131079 0 EOF".
  private static var count: Int {
    var status = stat()
    guard file >= 0, fstat(file, &status) == 0,
      let list = try? String(contentsOfFile: "/proc/locks", encoding: .utf8)
    else { return 1 }
    let count = list.split(separator: "\n").count { line in
      let words = line.split(separator: " ")
      return words.contains("READ") && words.contains { $0.hasSuffix(":\(status.st_ino)") }
    }
    // Some network file systems give no locks.
    return max(count, 1)
  }
}
