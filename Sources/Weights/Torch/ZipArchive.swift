import Foundation

/// The stored entries of a zip file, where they lie (APPNOTE 6.3; zip64 included). Strict: every offset and size is
/// checked against the file, both headers of an entry must agree, and what PyTorch never writes is refused: compressed or
/// encrypted entries, several disks, names that leave the archive, one name twice, entries that share bytes.
struct ZipArchive {
  /// Bytes of each entry by its name.
  let entries: [String: Range<Int>]
  private let file: MappedFile

  /// - Throws: `WeightsError.malformed`.
  init(_ file: MappedFile) throws(WeightsError) {
    self.file = file
    let reader = Bytes(file: file)
    let directory = try Self.directory(reader)
    var entries: [String: Range<Int>] = [:]
    var place = directory.offset
    for _ in 0..<directory.count {
      let entry = try Self.entry(reader, at: &place, end: directory.end)
      guard entries.updateValue(entry.data, forKey: entry.name) == nil else {
        throw reader.malformed("a zip archive with two entries \(entry.name)")
      }
    }
    guard place == directory.end else { throw reader.malformed("a zip archive with a directory of another length") }
    var end = 0
    for range in entries.values.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
      guard range.lowerBound >= end else { throw reader.malformed("a zip archive whose entries overlap") }
      end = range.upperBound
    }
    self.entries = entries
  }

  /// Where the central directory is: by the record at the file's end, and zip64's where that one is full.
  private static func directory(_ file: Bytes) throws(WeightsError) -> (offset: Int, end: Int, count: Int) {
    let earliest = max(0, file.count - 22 - 0xffff)
    var place = file.count - 22
    func isEnd(_ place: Int) throws(WeightsError) -> Bool {
      guard try file.u32(place) == 0x0605_4b50 else { return false }
      return Int(try file.u16(place + 20)) == file.count - place - 22
    }
    while place >= earliest {
      if try isEnd(place) { break }
      place -= 1
    }
    guard place >= earliest, place >= 0 else { throw file.malformed("a zip archive without its end: cut short") }
    var (count, size, offset) = (
      Int(try file.u16(place + 10)), Int(try file.u32(place + 12)), Int(try file.u32(place + 16))
    )
    var (disk, first) = (Int(try file.u16(place + 4)), Int(try file.u16(place + 6)))
    var end = place
    if count == 0xffff || size == 0xffff_ffff || offset == 0xffff_ffff {
      guard place >= 20, try file.u32(place - 20) == 0x0706_4b50 else {
        throw file.malformed("a zip64 archive without its locator")
      }
      let record = try file.int64(place - 12)
      guard try file.u32(record) == 0x0606_4b50 else { throw file.malformed("a zip64 archive without its end record") }
      (disk, first) = (Int(try file.u32(record + 16)), Int(try file.u32(record + 20)))
      (count, size, offset) = (
        try file.int64(record + 32), try file.int64(record + 40), try file.int64(record + 48)
      )
      end = record
    }
    guard disk == 0, first == 0 else { throw file.malformed("a zip archive in several parts") }
    guard size <= end, offset <= end - size, count <= size / 46 else {
      throw file.malformed("a zip archive whose directory lies outside of it")
    }
    return (offset, offset + size, count)
  }

  private static func entry(
    _ file: Bytes, at place: inout Int, end: Int
  ) throws(WeightsError) -> (name: String, data: Range<Int>) {
    guard place <= end - 46, try file.u32(place) == 0x0201_4b50 else {
      throw file.malformed("a zip archive with a damaged directory")
    }
    let start = place
    let (nameLength, extraLength) = (Int(try file.u16(start + 28)), Int(try file.u16(start + 30)))
    let extra = (start + 46 + nameLength)..<(start + 46 + nameLength + extraLength)
    place = extra.upperBound + Int(try file.u16(start + 32))
    guard place <= end else { throw file.malformed("a zip archive with a damaged directory") }
    let name = try name(file, start + 46, nameLength)
    guard try file.u16(start + 8) & 0x2041 == 0 else { throw file.malformed("\(name) in it is encrypted") }
    guard try file.u16(start + 10) == 0 else {
      throw file.malformed("\(name) in it is compressed, as PyTorch never writes it")
    }
    var sizes = [Int(try file.u32(start + 24)), Int(try file.u32(start + 20)), Int(try file.u32(start + 42))]
    try widen(file, extra, &sizes)
    let (size, packed, header) = (sizes[0], sizes[1], sizes[2])
    guard packed == size else { throw file.malformed("\(name) in it has two sizes") }
    guard try file.u32(header) == 0x0403_4b50, try file.u16(header + 8) == 0 else {
      throw file.malformed("\(name) in it has no header")
    }
    let local = Int(try file.u16(header + 26))
    let again = try self.name(file, header + 30, local)
    guard again == name else {
      throw file.malformed("\(name) in it has two names")
    }
    let data = header + 30 + local + Int(try file.u16(header + 28))
    guard size <= file.count, data <= file.count - size else {
      throw file.malformed("\(name) in it ends behind the file: cut short")
    }
    return (name, data..<(data + size))
  }

  /// zip64's extra field holds, in this order, those of the three that are full in the entry itself.
  private static func widen(
    _ file: Bytes, _ extra: Range<Int>, _ values: inout [Int]
  ) throws(WeightsError) {
    var field = extra.lowerBound
    while field <= extra.upperBound - 4 {
      let (id, length) = (try file.u16(field), Int(try file.u16(field + 2)))
      guard field + 4 + length <= extra.upperBound else {
        throw file.malformed("a zip entry with a damaged extra field")
      }
      if id == 1 {
        var place = field + 4
        for i in values.indices where values[i] == 0xffff_ffff {
          guard place + 8 <= field + 4 + length else { throw file.malformed("a zip64 entry without its size") }
          values[i] = try file.int64(place)
          place += 8
        }
      }
      field += 4 + length
    }
  }

  private static func name(_ file: Bytes, _ start: Int, _ length: Int) throws(WeightsError) -> String {
    guard let name = String(validating: try file.bytes(start, length), as: UTF8.self), !name.isEmpty,
      !name.hasPrefix("/"), !name.contains("\\"), !name.contains("\0"),
      !name.split(separator: "/", omittingEmptySubsequences: false).contains("..")
    else { throw file.malformed("a zip archive with an entry whose name leaves it") }
    return name
  }
}

/// Little-endian fields of a mapped file, each checked against its end.
struct Bytes {
  let file: MappedFile
  var count: Int { file.bytes.count }

  func malformed(_ why: String) -> WeightsError { .malformed(file: file.name, why: why) }

  func bytes(_ start: Int, _ length: Int) throws(WeightsError) -> UnsafeRawBufferPointer.SubSequence {
    guard start >= 0, length >= 0, length <= count, start <= count - length else {
      throw malformed("bytes \(start)..<\(start &+ length) of \(count): cut short")
    }
    return file.bytes[start..<(start + length)]
  }

  private func load<T: FixedWidthInteger>(_ start: Int, as type: T.Type) throws(WeightsError) -> T {
    _ = try bytes(start, MemoryLayout<T>.size)
    return T(littleEndian: file.bytes.loadUnaligned(fromByteOffset: start, as: T.self))
  }

  func u16(_ start: Int) throws(WeightsError) -> UInt16 { try load(start, as: UInt16.self) }
  func u32(_ start: Int) throws(WeightsError) -> UInt32 { try load(start, as: UInt32.self) }

  /// An unsigned field of 64 bits that has to be a size or place.
  func int64(_ start: Int) throws(WeightsError) -> Int {
    guard let value = Int(exactly: try load(start, as: UInt64.self)) else {
      throw malformed("a size above 2^63")
    }
    return value
  }
}
