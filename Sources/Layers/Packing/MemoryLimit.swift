import CKernels
import Foundation
import Synchronization

/// What the process's memory is to stay below, private and mapped together.
///
/// Mapped weights are the part that can be given up at any time: they come back by page faults, at the cost of some time a
/// step. So before a layer reads its weight, the process's memory is looked at, and where the weight would not fit beside
/// it, the others leave, and blocks that are kept for the next activations with them.
final class MemoryLimit: Sendable {
  let bytes: Int
  private let packs = Mutex<[Weak]>([])
  private let count = Mutex(0)

  private struct Weak: Sendable {
    weak let pack: Pack?
  }

  init(_ bytes: Int) { self.bytes = bytes }

  func add(_ pack: Pack) {
    packs.withLock { packs in
      packs.removeAll { $0.pack == nil }
      packs.append(Weak(pack: pack))
    }
  }

  /// How often weights had to leave.
  var departures: Int { count.withLock { $0 } }

  /// Called before `growth` bytes of mapped weights are read.
  func makeRoom(for growth: Int) {
    // What a layer allocates besides, and what is counted late.
    let slack = bytes / 16
    guard Self.resident + growth + slack > bytes else { return }
    count.withLock { $0 += 1 }
    for weak in packs.withLock({ $0 }) { weak.pack?.rest() }
    if Self.resident + growth + slack > bytes { ldm_trim() }
  }

  /// Bytes of memory that the process has, mapped ones included; 0 where the system does not tell.
  private static var resident: Int {
    #if os(Linux)
      let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
      guard file >= 0 else { return 0 }
      defer { close(file) }
      var text = [UInt8](repeating: 0, count: 128)
      let length = read(file, &text, text.count)
      // "size resident shared ...", in pages.
      let fields = String(decoding: text.prefix(max(length, 0)), as: UTF8.self).split(separator: " ")
      guard fields.count > 1, let pages = Int(fields[1]) else { return 0 }
      return pages * sysconf(Int32(_SC_PAGESIZE))
    #else
      return 0
    #endif
  }
}
