extension Image {
  /// P1 to P6 and P7 (PAM); a sample of maximum m becomes round(v · 255/m), or of 65535 where m is above 255.
  static func pnm(_ data: [UInt8], _ limit: Int) throws(ImageError) -> Image {
    var reader = PNMReader(data)
    let header = try reader.header()
    try check(header.width, header.height, limit)
    let count = header.width * header.height
    let values = try reader.samples(header, count: count * header.channels)
    let wide = header.maximum > 255
    let top = wide ? 65535 : 255
    let alpha = header.channels == 2 || header.channels == 4
    let order = header.channels < 3 ? [0, 0, 0, 1] : [0, 1, 2, 3]
    let channels = alpha ? 4 : 3
    func sample(_ index: Int) -> Int {
      (values[index / channels * header.channels + order[index % channels]] * top + header.maximum / 2) / header.maximum
    }
    let samples: Samples =
      wide
      ? .sixteen((0..<(count * channels)).map { UInt16(sample($0)) })
      : .eight((0..<(count * channels)).map { UInt8(sample($0)) })
    return Image(width: header.width, height: header.height, hasAlpha: alpha, samples: samples, format: .pnm)
  }
}

/// Netpbm's headers and samples.
struct PNMReader {
  struct Header: Equatable {
    var width = 0, height = 0, maximum = 255, channels = 0
    var plain = false, bits = false
  }

  private let data: [UInt8]
  private(set) var place = 2

  init(_ data: [UInt8]) { self.data = data }

  private func damaged(_ why: String) -> ImageError { .damaged(format: .pnm, why: why) }

  mutating func header() throws(ImageError) -> Header {
    guard data.count > 2 else { throw damaged("the data ends early") }
    var header = Header()
    let kind = data[1] - UInt8(ascii: "0")
    if kind == 7 {
      try readPAM(&header)
    } else {
      header.width = try number()
      header.height = try number()
      header.bits = kind == 1 || kind == 4
      header.plain = kind <= 3
      header.maximum = header.bits ? 1 : try number()
      header.channels = kind == 3 || kind == 6 ? 3 : 1
      if !header.plain { place += 1 }  // one white space before the samples
    }
    let sides = 1...Int(Int32.max)
    guard sides.contains(header.width), sides.contains(header.height), (1...65535).contains(header.maximum),
      (1...4).contains(header.channels)
    else { throw damaged("a size, depth or maximum out of range") }
    return header
  }

  private mutating func readPAM(_ header: inout Header) throws(ImageError) {
    while place < data.count {
      let end = data[place...].firstIndex(of: UInt8(ascii: "\n")) ?? data.count
      let words = String(decoding: data[place..<end], as: UTF8.self).split(separator: " ")
      place = end + 1
      switch words.first {
      case "ENDHDR": return
      case "WIDTH": header.width = words.last.flatMap { Int($0) } ?? 0
      case "HEIGHT": header.height = words.last.flatMap { Int($0) } ?? 0
      case "DEPTH": header.channels = words.last.flatMap { Int($0) } ?? 0
      case "MAXVAL": header.maximum = words.last.flatMap { Int($0) } ?? 0
      default: continue
      }
    }
    throw damaged("no ENDHDR")
  }

  /// The next number, after white space and comments.
  private mutating func number() throws(ImageError) -> Int {
    while place < data.count {
      if data[place] == UInt8(ascii: "#") {
        place = data[place...].firstIndex(of: UInt8(ascii: "\n")) ?? data.count
      } else if !Self.isSpace(data[place]) {
        break
      }
      place += 1
    }
    var value = 0
    let start = place
    while place < data.count, (48...57).contains(data[place]), value < 1 << 31 {
      value = value * 10 + Int(data[place] - 48)
      place += 1
    }
    guard place > start else { throw damaged("a number is missing") }
    return value
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }

  /// Raw samples, 0...maximum.
  mutating func samples(_ header: Header, count: Int) throws(ImageError) -> [Int] {
    var result: [Int] = []
    if header.plain {
      // A plain sample takes a byte at least: no reservation that the file cannot fill.
      guard count <= data.count else { throw damaged("the data ends early") }
      result.reserveCapacity(count)
      for _ in 0..<count { result.append(header.bits ? 1 - (try bit()) : min(try number(), header.maximum)) }
      return result
    }
    let row = header.bits ? (header.width + 7) / 8 : header.width * header.channels * (header.maximum > 255 ? 2 : 1)
    guard row * header.height <= data.count - min(place, data.count) else { throw damaged("the data ends early") }
    result.reserveCapacity(count)
    for y in 0..<header.height {
      let start = place + y * row
      for x in 0..<(header.width * header.channels) {
        if header.bits {
          result.append(1 - Int(data[start + x / 8] >> (7 - UInt8(x % 8)) & 1))
        } else if header.maximum > 255 {
          result.append(min(Int(data[start + 2 * x]) << 8 | Int(data[start + 2 * x + 1]), header.maximum))
        } else {
          result.append(min(Int(data[start + x]), header.maximum))
        }
      }
    }
    return result
  }

  /// P1's digits need no space between them.
  private mutating func bit() throws(ImageError) -> Int {
    while place < data.count, Self.isSpace(data[place]) { place += 1 }
    guard place < data.count, data[place] == 48 || data[place] == 49 else { throw damaged("a bit is missing") }
    defer { place += 1 }
    return Int(data[place] - 48)
  }
}
