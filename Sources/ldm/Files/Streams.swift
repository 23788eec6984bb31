import Foundation
import LatentDiffusion

/// Reading and writing whole streams.
enum Streams {
  /// Sees to it that descriptors 0 to 2 are taken: else the next file that is opened would become the standard output or
  /// error that a caller closed, and words end up in a picture. What stands in for them cannot be read, or written.
  static func holdStandard() {
    for (file, mode) in [(STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY)]
    where fcntl(file, F_GETFD) < 0 {
      _ = Foundation.open("/dev/null", mode)
    }
  }

  /// All bytes of a file or of standard input.
  ///
  /// - Parameter limit: more bytes than that are an error; `accepts` is asked once, with the first bytes (at least 16
  ///   unless the stream is shorter), and may throw: an endless stream of something else is not read to its end.
  static func read(_ source: Source, limit: Int, accepts: ([UInt8]) throws -> Void = { _ in }) throws -> [UInt8] {
    let file = try open(source)
    defer { if file != STDIN_FILENO { close(file) } }
    var bytes: [UInt8] = []
    var status = stat()
    if fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG {
      bytes.reserveCapacity(min(Int(status.st_size), limit, 64 << 20))
    }
    var chunk = [UInt8](repeating: 0, count: 1 << 18)
    var asked = false
    while true {
      let count = Foundation.read(file, &chunk, chunk.count)
      if count < 0 {
        if errno == EINTR {
          try Signals.check()
          continue
        }
        throw errno == EISDIR
          ? Failure(.noInput, "is a folder; give the files in it") : Failure(.inputOutput, errno: errno)
      }
      bytes += chunk[..<count]
      if !asked && (bytes.count >= 16 || count == 0) {
        asked = true
        try accepts(bytes)
      }
      if count == 0 { return bytes }
      guard bytes.count <= limit else {
        throw Failure(.badData, "holds more than \(limit >> 20) MiB; raise the limit with --max-pixels")
      }
    }
  }

  /// The first bytes of a file, 16 unless it is shorter.
  static func head(_ name: FileName) throws -> [UInt8] {
    let file = try open(.file(name))
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: 16)
    let count = Foundation.read(file, &bytes, bytes.count)
    guard count >= 0 else { throw Failure(.inputOutput, errno: errno) }
    return Array(bytes.prefix(count))
  }

  /// - Throws: `Failure` 66.
  static func open(_ source: Source) throws -> Int32 {
    guard case .file(let name) = source else { return STDIN_FILENO }
    let file = try open(name, O_RDONLY)
    guard file >= 0 else { throw Failure(.noInput, errno: errno) }
    return file
  }

  /// open(2), which waits for the other end of a FIFO, whatever signals come that end nothing.
  ///
  /// - Returns: less than 0 where it fails; `errno` says why.
  static func open(_ name: FileName, _ flags: Int32) throws(Signals.Interrupted) -> Int32 {
    while true {
      let file = name.withPath { Foundation.open($0, flags | O_CLOEXEC, 0o666) }
      guard file < 0, errno == EINTR else { return file }
      try Signals.check()
    }
  }

  /// The largest a picture's file can be that the decoder would accept: 16-bit RGBA as PNM; and its metadata.
  static func limit(maximumPixels: Int) -> Int { maximumPixels * 8 + (64 << 20) }

  /// A picture's file: bytes, and its format by the first of them.
  static func picture(_ source: Source, maximumPixels: Int) throws -> [UInt8] {
    let bytes = try read(source, limit: limit(maximumPixels: maximumPixels)) { head in
      guard !head.isEmpty else { throw Failure(.badData, "is empty; expected a picture") }
      guard ImageFormat(magic: head) != nil else { throw ImageError.unknownFormat }
    }
    return bytes
  }

  static func write(_ bytes: [UInt8], to file: Int32) throws {
    try bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = Foundation.write(file, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        if count < 0 {
          if errno == EINTR {
            try Signals.check()
            continue
          }
          // SIGPIPE is ignored: nobody reads any more, so die as the signal would have it.
          if errno == EPIPE { throw Signals.Interrupted(signal: SIGPIPE) }
          throw Failure(.inputOutput, errno: errno, "writing")
        }
        rest = rest.dropFirst(count)
      }
    }
  }
}
