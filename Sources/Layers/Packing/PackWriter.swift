import CKernels
import Foundation

/// A file of packed weights while it is made. Nothing is synced: a file that a power cut left half on the disk fails its
/// checksums.
struct PackWriter: Sendable {
  private let file: TemporaryFile
  private let limit: Int
  private var entries: [String: Pack.Entry] = [:]
  private var end = PackFile.page
  /// Of all entries.
  private(set) var bytes = 0
  /// Large entries start at multiples of it, so that a system that keeps files in huge pages can map them as such: kernels
  /// read all weights once a step, and a step is some hundredths slower where each small page has to be looked up. What
  /// lies between is a hole, and takes no place on the disk.
  private static let hugePage = 2 << 20

  /// - Parameters:
  ///   - start: an earlier file, whose entries this one begins with.
  ///   - limit: bytes that the file may have.
  /// - Throws: `POSIXError`, `CocoaError`.
  init(in folder: String, after start: PackFile?, limit: Int) throws {
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    (file, self.limit) = (try TemporaryFile(in: folder), limit)
    guard let start else { return }
    for entry in start.entries.values {
      // What lies between stays a hole, and what was read leaves memory.
      let range = entry.offset..<(entry.offset + entry.bytes)
      try file.write(UnsafeRawBufferPointer(rebasing: start.map.bytes[range]), at: entry.offset)
      start.map.release(range)
    }
    (entries, end) = (start.entries, start.end)
    bytes = entries.values.reduce(0) { $0 + $1.bytes }
  }

  /// - Throws: what this or an earlier write met with.
  mutating func append(_ block: PackedMemory.Block, named name: String) throws -> Pack.Entry {
    let bytes = block.bytes
    let step = bytes.count < Self.hugePage ? PackFile.page : Self.hugePage
    let offset = (end + step - 1) / step * step
    self.bytes += bytes.count
    guard self.bytes <= limit else { throw POSIXError(.EFBIG) }
    try file.write(from: block, at: offset)
    let entry = Pack.Entry(
      offset: offset, bytes: bytes.count, checksum: ldm_checksum(bytes.baseAddress, bytes.count))
    entries[name] = entry
    end = offset + bytes.count
    return entry
  }

  /// Writes table and header, and gives the file the name `path` in place of whatever has it.
  ///
  /// - Returns: the file, mapped.
  func finish(as path: String, key: String) throws -> PackFile {
    let table = PackFile.table(key: key, entries)
    try file.settle()
    try table.withUnsafeBytes { try file.write($0, at: end) }
    try PackFile.header(table: table, at: end).withUnsafeBytes { try file.write($0, at: 0) }
    var written: PackFile?
    try file.place(at: path) { name in
      written = PackFile(at: name, key: key)
      guard written != nil else { throw POSIXError(.EIO) }
    }
    return written!
  }
}
