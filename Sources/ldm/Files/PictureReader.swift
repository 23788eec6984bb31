import Foundation
import LatentDiffusion

/// The pictures of a source, one after another: each is read only when it is asked for.
///
/// Standard input, pipes and PNM files may hold several; any other regular file holds one, and what follows it is some
/// camera's appendix.
final class PictureReader {
  private let source: Source
  private let limit: Int
  private let expected: String
  private let file: Int32
  private let isRegular: Bool
  private var buffer: [UInt8] = []
  private var isEnded = false
  /// Pictures taken so far.
  private(set) var count = 0

  /// - Parameter expected: what the source may hold, for messages.
  /// - Throws: `Failure` 66.
  init(_ source: Source, maximumPixels: Int, expected: String = "a picture") throws {
    (self.source, self.expected) = (source, expected)
    limit = Streams.limit(maximumPixels: maximumPixels)
    file = try Streams.open(source)
    var status = stat()
    isRegular = fstat(file, &status) == 0 && status.isRegular
    if isRegular { buffer.reserveCapacity(min(Int(status.st_size), limit) + 1) }
  }

  deinit { if file != STDIN_FILENO { Foundation.close(file) } }

  /// The format of the next picture; nil at the end.
  ///
  /// - Throws: what is there is no picture. An endless stream of something else is not read to its end.
  func next() throws -> ImageFormat? {
    while buffer.count < 16 && !isEnded { try fill() }
    if buffer.isEmpty {
      guard count > 0 else { throw Failure(.badData, "is empty; expected \(expected)") }
      return nil
    }
    if let format = ImageFormat(magic: buffer) { return count == 0 || holdsSeveral(format) ? format : nil }
    guard count > 0 else { throw ImageError.unknownFormat }
    // One picture and something after it is usual; a stream of several that goes wrong has lost some.
    guard count > 1, buffer.contains(where: { $0 != 0 && $0 != 10 && $0 != 13 && $0 != 32 }) else { return nil }
    throw Failure(.badData, "bytes that are no picture follow picture \(count)")
  }

  private func holdsSeveral(_ format: ImageFormat) -> Bool { source == .standardInput || !isRegular || format == .pnm }

  /// All bytes of the next picture.
  func take(_ format: ImageFormat) throws -> [UInt8] {
    defer { count += 1 }
    var extent = PictureExtent(format)
    while true {
      if holdsSeveral(format), let end = extent.end(in: buffer) {
        guard end < buffer.count else { break }
        let picture = Array(buffer[..<end])
        buffer.removeSubrange(..<end)
        return picture
      }
      if isEnded { break }
      try fill()
    }
    defer { buffer = [] }
    return buffer
  }

  /// All that is left, whatever it is.
  func rest() throws -> [UInt8] {
    while !isEnded { try fill() }
    defer { buffer = [] }
    return buffer
  }

  /// Leaves the next picture out.
  func skip(_ format: ImageFormat) throws {
    if holdsSeveral(format) { _ = try take(format) } else { close() }
  }

  /// Nothing more comes from it.
  func close() { (buffer, isEnded, count) = ([], true, max(count, 1)) }

  /// What cannot be read on is told once: nothing more comes from it.
  private func fill() throws {
    guard buffer.count <= limit else {
      close()
      throw Failure(.badData, "holds more than \(limit >> 20) MiB; raise the limit with --max-pixels")
    }
    var chunk = [UInt8](repeating: 0, count: isRegular ? 1 << 20 : 1 << 16)
    let got = read(file, &chunk, chunk.count)
    if got < 0 {
      guard errno != EINTR else { return try Signals.check() }
      let failure =
        errno == EISDIR
        ? Failure(.noInput, "is a folder; give the files in it") : Failure(.inputOutput, errno: errno)
      close()
      throw failure
    }
    buffer += chunk[..<got]
    isEnded = got == 0
  }
}
