import Dispatch
import Foundation
import Synchronization

/// A file that is being written: without a name where the system has such files, so that a process that dies leaves nothing
/// behind.
final class TemporaryFile: Sendable {
  /// What those that have a name begin with.
  static let prefix = ".ldm-"

  let folder: String
  private let descriptor: Int32
  /// nil for a file without one.
  private let name: String?
  /// Writes in turn, while the next bytes are made.
  private let queue = DispatchQueue(label: "ldm.temporary-file")
  /// Writes that may wait: each holds memory.
  private let room = DispatchSemaphore(value: 2)
  private let failed = Mutex<POSIXError?>(nil)

  /// - Throws: `POSIXError`.
  init(in folder: String) throws {
    self.folder = folder
    #if os(Linux)
      // O_TMPFILE, a macro that Swift does not import: __O_TMPFILE | O_DIRECTORY.
      let unnamed = open(folder, 0o20000000 | O_DIRECTORY | O_RDWR | O_CLOEXEC, 0o600)
    #else
      let unnamed: Int32 = -1
    #endif
    name = unnamed < 0 ? Self.name(in: folder) : nil
    descriptor = name.map { open($0, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600) } ?? unnamed
    guard descriptor >= 0 else { throw Self.failure }
  }

  deinit {
    // The queue holds it while anything is to be written.
    close(descriptor)
    // Where it was placed, it has another name by now.
    if let name { unlink(name) }
  }

  /// Writes what `owner` holds some time later, in order.
  ///
  /// - Throws: what an earlier write met with.
  func write(from owner: PackedMemory.Block, at offset: Int) throws {
    if let error = failed.withLock({ $0 }) { throw error }
    room.wait()
    queue.async { [self] in
      defer { room.signal() }
      do { try write(owner.bytes, at: offset) } catch {
        failed.withLock { $0 = error as? POSIXError }
      }
    }
  }

  /// Waits for all that is to be written.
  ///
  /// - Throws: what a write met with.
  func settle() throws {
    queue.sync {}
    if let error = failed.withLock({ $0 }) { throw error }
  }

  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    var done = 0
    while done < bytes.count {
      let count = pwrite(descriptor, bytes.baseAddress! + done, min(bytes.count - done, 64 << 20), off_t(offset + done))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw Self.failure }
      done += count
    }
  }

  /// Gives the file the name `path`, in place of whatever has it. Called once.
  ///
  /// - Parameter ready: called with the name that it has just before, as another process may put its own in place after.
  func place(at path: String, ready: (String) throws -> Void) throws {
    let name = self.name ?? Self.name(in: folder)
    #if os(Linux)
      if self.name == nil {
        let link = linkat(AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, name, AT_SYMLINK_FOLLOW)
        guard link == 0 else { throw Self.failure }
      }
    #endif
    do {
      try ready(name)
      guard rename(name, path) == 0 else { throw Self.failure }
    } catch {
      unlink(name)
      throw error
    }
  }

  private static func name(in folder: String) -> String {
    "\(folder)/\(prefix)\(String(UInt64.random(in: 0...(.max)), radix: 36))"
  }

  private static var failure: POSIXError { POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
}
