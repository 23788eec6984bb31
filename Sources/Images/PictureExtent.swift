/// Where a picture in a stream ends, found as its bytes arrive: streams may hold several pictures, one after another.
public struct PictureExtent {
  private let format: ImageFormat
  /// How far the bytes are understood.
  private var place: Int
  private var isInScan = false
  /// Where the other pictures of the same JPEG file begin and end (CIPA DC-007, "MPF": previews, gain maps, stereo).
  private var companions: [Range<Int>] = []

  public init(_ format: ImageFormat) {
    self.format = format
    switch format {
    case .png: place = 8
    case .jpeg: place = 2
    case .webp, .pnm: place = 0
    }
  }

  /// The picture's length, once its end is among `bytes`, which begin with it and only ever grow.
  ///
  /// - Returns: nil before that; and for damaged and plain PNM pictures, which end with their stream.
  public mutating func end(in bytes: [UInt8]) -> Int? {
    let end =
      switch format {
      case .png: png(bytes)
      case .jpeg: jpeg(bytes)
      case .webp: Self.webp(bytes)
      case .pnm: PNMReader.length(of: bytes)
      }
    return end.flatMap { $0 <= bytes.count ? $0 : nil }
  }

  /// Chunks: length, name, data, checksum; IEND is the last.
  private mutating func png(_ bytes: [UInt8]) -> Int? {
    while place + 12 <= bytes.count {
      let length = bytes[place..<(place + 4)].reduce(0) { $0 << 8 | Int($1) }
      let isLast = bytes[(place + 4)..<(place + 8)].elementsEqual("IEND".utf8)
      if isLast { return place + 12 + length }
      place += 12 + length
    }
    return nil
  }

  /// RIFF: the size of what follows the first 8 bytes, padded to an even number.
  private static func webp(_ bytes: [UInt8]) -> Int? {
    guard bytes.count >= 12 else { return nil }
    let size = bytes[4..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    return 8 + size + size % 2
  }

  private mutating func jpeg(_ bytes: [UInt8]) -> Int? {
    while true {
      if isInScan {
        guard let mark = Self.marker(in: bytes, from: &place) else { return nil }
        (place, isInScan) = (mark, false)
      }
      guard place + 2 <= bytes.count, bytes[place] == 0xff else { return nil }
      switch bytes[place + 1] {
      case 0xff: place += 1
      case 0xd9: return last(bytes, own: place + 2)
      case 0x01, 0xd0...0xd8: place += 2
      case let kind:
        guard place + 4 <= bytes.count else { return nil }
        let end = place + 2 + (Int(bytes[place + 2]) << 8 | Int(bytes[place + 3]))
        guard end <= bytes.count else { return nil }
        if kind == 0xe2 { companions += Self.companions(in: bytes, place + 4, end) }
        isInScan = kind == 0xda
        place = end
      }
    }
  }

  /// The next marker in entropy-coded data; `from` moves as far as there is none.
  private static func marker(in bytes: [UInt8], from place: inout Int) -> Int? {
    bytes.withUnsafeBufferPointer { bytes in
      while place + 1 < bytes.count {
        if bytes[place] == 0xff, bytes[place + 1] != 0, bytes[place + 1] != 0xff,
          !(0xd0...0xd7).contains(bytes[place + 1])
        {
          return place
        }
        place += 1
      }
      return nil
    }
  }

  /// The end of the file: of the picture itself, or of the last that its index names. An index whose pictures are not
  /// there is left over from before some edit.
  private func last(_ bytes: [UInt8], own: Int) -> Int? {
    var end = own
    for companion in companions where companion.lowerBound >= own {
      guard companion.lowerBound + 2 <= bytes.count else { return nil }
      guard bytes[companion.lowerBound] == 0xff, bytes[companion.lowerBound + 1] == 0xd8 else { return own }
      end = max(end, companion.upperBound)
    }
    return end
  }

  /// The pictures in an MPF index; offsets count from its TIFF header.
  private static func companions(in bytes: [UInt8], _ start: Int, _ end: Int) -> [Range<Int>] {
    guard end - start > 12, bytes[start..<(start + 4)].elementsEqual("MPF\0".utf8) else { return [] }
    let tiff = Array(bytes[(start + 4)..<end])
    let reader = Reader(data: tiff, little: tiff[0] == 0x49)
    guard let first = reader.u32(4), let list = reader.entries(at: first).first(where: { $0.tag == 0xb002 }) else {
      return []
    }
    let entries = Reader(data: list.bytes, little: reader.little)
    return stride(from: 0, to: list.bytes.count - 15, by: 16).compactMap { place in
      guard let size = entries.u32(place + 4), let offset = entries.u32(place + 8), offset > 0 else { return nil }
      return (start + 4 + offset)..<(start + 4 + offset + size)
    }
  }
}

extension PNMReader {
  /// The length of a raw picture with its header, once the header is whole; nil for plain ones.
  static func length(of bytes: [UInt8]) -> Int? {
    var reader = PNMReader(bytes)
    guard let header = try? reader.header(), !header.plain, reader.place <= bytes.count else { return nil }
    let row = header.bits ? (header.width + 7) / 8 : header.width * header.channels * (header.maximum > 255 ? 2 : 1)
    let (size, overflow) = row.multipliedReportingOverflow(by: header.height)
    return overflow ? nil : reader.place + size
  }
}
