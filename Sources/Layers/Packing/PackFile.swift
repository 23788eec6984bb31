import CKernels
import Foundation
import Weights

/// A file of packed weights, mapped: a page of header, the entries, each from a page's start, and a table of them.
///
/// The header is the magic, then five little-endian words: where the table starts, its bytes, the file's, a hash of the
/// table, a hash of the words before. The table is text: the key, an empty line, and a line for each entry, "offset bytes
/// checksum name". The key says all that the content depends on, so a file is used for what it was made for or not at all.
struct PackFile: Sendable {
  static let magic = Array("ldmpack1".utf8)
  static let page = 4096
  private static let words = 5

  let map: MappedFile
  let entries: [String: Pack.Entry]
  /// Where the entries end.
  let end: Int

  /// nil where there is no file at `path`, or it is not whole, or was made for another key.
  init?(at path: String, key: String) {
    guard let map = try? MappedFile(at: path), let (start, bytes) = Self.table(map.bytes) else { return nil }
    let text = String(decoding: map.bytes[start..<(start + bytes)], as: UTF8.self)
    guard text.hasPrefix(key + "\n") else { return nil }
    var entries: [String: Pack.Entry] = [:]
    for line in text.dropFirst(key.count + 1).split(separator: "\n") {
      guard let (name, entry) = Self.entry(line), entry.offset >= Self.page, entry.offset % Self.page == 0,
        entry.bytes > 0, entry.offset <= start, entry.bytes <= start - entry.offset
      else { return nil }
      entries[name] = entry
    }
    (self.map, self.entries, end) = (map, entries, start)
  }

  private static func table(_ bytes: UnsafeRawBufferPointer) -> (start: Int, bytes: Int)? {
    let head = magic.count + 8 * words
    guard bytes.count >= page, bytes.starts(with: magic) else { return nil }
    let word = (0..<words).map {
      UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: magic.count + 8 * $0, as: UInt64.self))
    }
    guard word[4] == ldm_hash(bytes.baseAddress, head - 8, 0), word[2] == UInt64(bytes.count),
      word[0] >= UInt64(page), word[0] <= word[2], word[1] == word[2] - word[0],
      word[3] == ldm_hash(bytes.baseAddress! + Int(word[0]), Int(word[1]), 0)
    else { return nil }
    return (Int(word[0]), Int(word[1]))
  }

  private static func entry(_ line: Substring) -> (String, Pack.Entry)? {
    let fields = line.split(separator: " ", maxSplits: 3)
    guard fields.count == 4, let offset = Int(fields[0]), let bytes = Int(fields[1]),
      let checksum = UInt64(fields[2], radix: 16)
    else { return nil }
    return (String(fields[3]), Pack.Entry(offset: offset, bytes: bytes, checksum: checksum))
  }

  /// The header of a file whose table, `text`, starts at `start`.
  static func header(table text: [UInt8], at start: Int) -> [UInt8] {
    var header = magic
    let hash = text.withUnsafeBytes { ldm_hash($0.baseAddress, $0.count, 0) }
    func append(_ word: UInt64) { withUnsafeBytes(of: word.littleEndian) { header += $0 } }
    for word in [UInt64(start), UInt64(text.count), UInt64(start + text.count), hash] { append(word) }
    append(header.withUnsafeBytes { ldm_hash($0.baseAddress, $0.count, 0) })
    return header
  }

  static func table(key: String, _ entries: [String: Pack.Entry]) -> [UInt8] {
    let lines = entries.sorted { $0.value.offset < $1.value.offset }.map { name, entry in
      "\(entry.offset) \(entry.bytes) \(String(entry.checksum, radix: 16)) \(name)\n"
    }
    return Array((key + "\n" + lines.joined()).utf8)
  }
}
