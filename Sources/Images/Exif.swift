/// An EXIF block: a TIFF structure of directories, read into values and written anew.
///
/// Either byte order is read; what lies outside the block is dropped; the thumbnail's directory is left out, since it would
/// show the picture before the change. Maker notes are carried as bytes.
struct Exif {
  struct Entry {
    var tag: UInt16
    var type: UInt16
    var count: Int
    var bytes: [UInt8]
  }

  /// Tags that point to a directory of their own.
  private enum Pointer: UInt16, CaseIterable {
    case exif = 0x8769
    case gps = 0x8825
    case interoperability = 0xa005
  }

  private enum Tag {
    static let orientation: UInt16 = 0x0112
    static let userComment: UInt16 = 0x9286
    static let width: UInt16 = 0xa002
    static let height: UInt16 = 0xa003
  }

  private let little: Bool
  private var main: [Entry] = []
  private var directories: [Pointer: [Entry]] = [:]

  /// An empty block.
  init() { little = true }

  /// nil where this is no TIFF structure.
  init?(_ data: [UInt8]) {
    guard data.count >= 8 else { return nil }
    switch (data[0], data[1]) {
    case (0x49, 0x49): little = true
    case (0x4d, 0x4d): little = false
    default: return nil
    }
    let reader = Reader(data: data, little: little)
    guard reader.u16(2) == 42, let first = reader.u32(4) else { return nil }
    main = reader.entries(at: first)
    for pointer in Pointer.allCases {
      let holder = pointer == .interoperability ? directories[.exif] ?? [] : main
      guard let entry = holder.first(where: { $0.tag == pointer.rawValue }), entry.bytes.count >= 4,
        let offset = Reader(data: entry.bytes, little: little).u32(0)
      else { continue }
      directories[pointer] = reader.entries(at: offset)
    }
    let pointers = Set(Pointer.allCases.map(\.rawValue))
    main.removeAll { pointers.contains($0.tag) }
    for key in directories.keys { directories[key]!.removeAll { pointers.contains($0.tag) } }
  }

  /// 1...8, where files are sound; nil where it is not said.
  var orientation: Int? {
    get {
      guard let entry = main.first(where: { $0.tag == Tag.orientation }), entry.bytes.count >= 2 else { return nil }
      return Reader(data: entry.bytes, little: little).u16(0).map(Int.init)
    }
    set {
      guard let newValue, let index = main.firstIndex(where: { $0.tag == Tag.orientation }) else { return }
      main[index] = Entry(tag: Tag.orientation, type: 3, count: 1, bytes: number(newValue, 2))
    }
  }

  /// With the picture's size where the block tells one.
  func telling(width: Int, height: Int) -> Exif {
    var result = self
    for (tag, length) in [(Tag.width, width), (Tag.height, height)] {
      guard let index = directories[.exif]?.firstIndex(where: { $0.tag == tag }) else { continue }
      result.directories[.exif]![index] = Entry(tag: tag, type: 4, count: 1, bytes: number(length, 4))
    }
    return result
  }

  /// The comment, where it is text; written as UTF-16 after "UNICODE".
  var userComment: String? {
    get {
      guard let entry = directories[.exif]?.first(where: { $0.tag == Tag.userComment }), entry.bytes.count >= 8 else {
        return nil
      }
      let body = Array(entry.bytes.dropFirst(8))
      if entry.bytes.starts(with: "UNICODE\0".utf8) {
        let units = stride(from: 0, to: body.count - 1, by: 2).map { i in
          little ? UInt16(body[i]) | UInt16(body[i + 1]) << 8 : UInt16(body[i]) << 8 | UInt16(body[i + 1])
        }
        return String(decoding: units, as: UTF16.self)
      }
      return entry.bytes.starts(with: "ASCII\0\0\0".utf8)
        ? String(decoding: body.prefix { $0 != 0 }, as: UTF8.self) : nil
    }
    set {
      directories[.exif]?.removeAll { $0.tag == Tag.userComment }
      guard let newValue else { return }
      let bytes = Array("UNICODE\0".utf8) + newValue.utf16.flatMap { number(Int($0), 2) }
      directories[.exif, default: []].append(Entry(tag: Tag.userComment, type: 7, count: bytes.count, bytes: bytes))
    }
  }

  private func number(_ value: Int, _ size: Int) -> [UInt8] {
    let bytes = (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    return little ? bytes : bytes.reversed()
  }

  /// The whole block, directories one after another.
  func encoded() -> [UInt8] {
    var result: [UInt8] = little ? [0x49, 0x49] : [0x4d, 0x4d]
    result += number(42, 2) + number(8, 4)
    var exif = directories[.exif] ?? []
    var first = main
    // Sizes are known before offsets: lay the sub-directories out behind the main one.
    let hasInterop = directories[.interoperability] != nil
    if hasInterop { exif.append(Entry(tag: Pointer.interoperability.rawValue, type: 4, count: 1, bytes: number(0, 4))) }
    var parts: [(Pointer, [Entry])] = []
    if !exif.isEmpty { parts.append((.exif, exif)) }
    if let gps = directories[.gps] { parts.append((.gps, gps)) }
    for (pointer, _) in parts { first.append(Entry(tag: pointer.rawValue, type: 4, count: 1, bytes: number(0, 4))) }
    var place = 8 + Self.size(of: first)
    var offsets: [Pointer: Int] = [:]
    for (pointer, entries) in parts {
      offsets[pointer] = place
      place += Self.size(of: entries)
    }
    offsets[.interoperability] = place
    result += directory(first, at: 8, offsets)
    for (pointer, entries) in parts { result += directory(entries, at: offsets[pointer]!, offsets) }
    if hasInterop { result += directory(directories[.interoperability]!, at: place, offsets) }
    return result
  }

  private static func size(of entries: [Entry]) -> Int {
    entries.reduce(6 + 12 * entries.count) { $0 + ($1.bytes.count > 4 ? ($1.bytes.count + 1) / 2 * 2 : 0) }
  }

  private func directory(_ entries: [Entry], at start: Int, _ offsets: [Pointer: Int]) -> [UInt8] {
    var table = number(entries.count, 2)
    var values: [UInt8] = []
    for entry in entries.sorted(by: { $0.tag < $1.tag }) {
      table += number(Int(entry.tag), 2) + number(Int(entry.type), 2) + number(entry.count, 4)
      if let pointer = Pointer(rawValue: entry.tag), let offset = offsets[pointer] {
        table += number(offset, 4)
      } else if entry.bytes.count <= 4 {
        table += entry.bytes + Array(repeating: 0, count: 4 - entry.bytes.count)
      } else {
        table += number(start + 6 + 12 * entries.count + values.count, 4)
        values += entry.bytes + (entry.bytes.count % 2 == 0 ? [] : [0])
      }
    }
    return table + number(0, 4) + values
  }
}

/// Numbers and directories of a TIFF structure, none of them trusted.
struct Reader {
  let data: [UInt8]
  let little: Bool

  func u16(_ place: Int) -> UInt16? {
    guard place >= 0, place + 2 <= data.count else { return nil }
    let (a, b) = (UInt16(data[place]), UInt16(data[place + 1]))
    return little ? a | b << 8 : a << 8 | b
  }

  func u32(_ place: Int) -> Int? {
    guard let a = u16(place), let b = u16(place + 2) else { return nil }
    return little ? Int(a) | Int(b) << 16 : Int(a) << 16 | Int(b)
  }

  private static let sizes: [UInt16: Int] = [1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8]

  /// The entries of a directory whose values lie inside the data, and hold no more than it in all: each has its own.
  func entries(at start: Int) -> [Exif.Entry] {
    guard let count = u16(start) else { return [] }
    var room = data.count
    return (0..<Int(count)).compactMap { i in
      let place = start + 2 + 12 * i
      guard let tag = u16(place), let type = u16(place + 2), let n = u32(place + 4), let size = Self.sizes[type],
        n <= data.count
      else { return nil }
      let bytes = n * size
      guard let offset = bytes <= 4 ? place + 8 : u32(place + 8), offset + bytes <= data.count, bytes <= room
      else { return nil }
      room -= bytes
      return Exif.Entry(tag: tag, type: type, count: n, bytes: Array(data[offset..<(offset + bytes)]))
    }
  }
}
