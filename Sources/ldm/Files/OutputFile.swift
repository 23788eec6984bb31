import Foundation

/// Files appear whole or not at all.
enum OutputFile {
  /// Writes `bytes` as `name`. A symbolic link is followed; what is there and no regular file (a FIFO, a device) is written
  /// to directly. Everything else goes to a file without a name in the same folder, to the disk, and only then gets its
  /// name: a process killed at any moment leaves nothing behind.
  ///
  /// - Parameter replacing: false makes an existing file an error.
  /// - Throws: `Failure` 73 where it cannot be created, 74 where writing fails.
  static func write(_ bytes: [UInt8], to name: FileName, replacing: Bool) throws {
    try check(name)
    // Links that lead there need not be followed, and that of a pipe, as /dev/stdout may be one, cannot.
    guard name.status?.isRegular ?? true else { return try direct(bytes, name) }
    let target = try followed(name)
    let existing = target.status
    if existing != nil && !replacing { throw exists }
    let folder = target.folder.withPath { open($0, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
    guard folder >= 0 else { throw Failure(.cannotCreate, errno: errno, "\(target.folder)") }
    defer { close(folder) }
    let mode = existing.map { $0.st_mode & 0o7777 }
    #if os(Linux)
      let file = openat(folder, ".", unnamed | O_WRONLY | O_CLOEXEC, 0o666)
      if file >= 0 {
        defer { close(file) }
        try fill(file, bytes, mode)
        if try place("/proc/self/fd/\(file)", folder, target, replacing) { return }
      }
    #endif
    try named(bytes, folder, target, mode, replacing)
  }

  private static var exists: Failure { Failure(.cannotCreate, "exists already, and --no-clobber was given") }

  #if os(Linux)
    /// O_TMPFILE, a macro that Swift does not import: __O_TMPFILE | O_DIRECTORY.
    private static var unnamed: Int32 { 0o20000000 | O_DIRECTORY }

    /// Gives the open file its name. False where this system cannot (no /proc).
    private static func place(_ file: String, _ folder: Int32, _ target: FileName, _ replacing: Bool) throws -> Bool {
      let name = FileName(bytes: target.last)
      if name.withPath({ linkat(AT_FDCWD, file, folder, $0, AT_SYMLINK_FOLLOW) }) == 0 { return true }
      guard errno == EEXIST else { return false }
      guard replacing else { throw exists }
      // linkat replaces nothing: a second name, and rename at once.
      let temporary = temporaryName()
      return try Signals.withTemporary(target.folder.appending(temporary.bytes)) {
        guard temporary.withPath({ linkat(AT_FDCWD, file, folder, $0, AT_SYMLINK_FOLLOW) }) == 0 else { return false }
        try rename(temporary, name, folder, target)
        return true
      }
    }
  #endif

  /// For file systems without unnamed files.
  private static func named(
    _ bytes: [UInt8], _ folder: Int32, _ target: FileName, _ mode: mode_t?, _ replacing: Bool
  ) throws {
    let temporary = temporaryName()
    try Signals.withTemporary(target.folder.appending(temporary.bytes)) {
      let file = temporary.withPath { openat(folder, $0, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666) }
      guard file >= 0 else { throw Failure(.cannotCreate, errno: errno) }
      defer { close(file) }
      do {
        try fill(file, bytes, mode)
        if !replacing && target.status != nil { throw exists }
      } catch {
        _ = temporary.withPath { unlinkat(folder, $0, 0) }
        throw error
      }
      try rename(temporary, FileName(bytes: target.last), folder, target)
    }
  }

  private static func rename(_ temporary: FileName, _ name: FileName, _ folder: Int32, _ target: FileName) throws {
    let moved = temporary.withPath { from in name.withPath { to in renameat(folder, from, folder, to) } }
    guard moved == 0 else {
      let code = errno
      _ = temporary.withPath { unlinkat(folder, $0, 0) }
      throw Failure(.cannotCreate, errno: code)
    }
  }

  static func temporaryName() -> FileName {
    FileName(bytes: Array(".ldm-\(String(UInt64.random(in: 0...(.max)), radix: 36))".utf8))
  }

  private static func fill(_ file: Int32, _ bytes: [UInt8], _ mode: mode_t?) throws {
    try Streams.write(bytes, to: file)
    if let mode { fchmod(file, mode) }
    guard fsync(file) == 0 || errno == EINVAL || errno == EROFS else { throw Failure(.inputOutput, errno: errno) }
  }

  private static func direct(_ bytes: [UInt8], _ name: FileName) throws {
    let file = try Streams.open(name, O_WRONLY)
    guard file >= 0 else { throw Failure(.cannotCreate, errno: errno) }
    defer { close(file) }
    try Streams.write(bytes, to: file)
  }
}
