/// The metadata in a JPEG's application segments, found without decoding.
struct JPEGSegments {
  private(set) var metadata = ImageMetadata()

  static let exifMark = Array("Exif\0\0".utf8)
  static let xmpMark = Array("http://ns.adobe.com/xap/1.0/\0".utf8)
  private static let iccMark = Array("ICC_PROFILE\0".utf8)

  init(of data: [UInt8]) {
    var parts: [Int: ArraySlice<UInt8>] = [:]
    var place = 2
    while place + 4 <= data.count, data[place] == 0xff {
      let marker = data[place + 1]
      if marker == 0xff {
        place += 1
        continue
      }
      let length = Int(data[place + 2]) << 8 | Int(data[place + 3])
      guard marker != 0xda, marker != 0xd9, length >= 2, place + 2 + length <= data.count else { break }
      let body = data[(place + 4)..<(place + 2 + length)]
      if marker == 0xe1, body.starts(with: Self.exifMark), metadata.exif == nil {
        metadata.exif = Array(body.dropFirst(6))
      } else if marker == 0xe1, body.starts(with: Self.xmpMark), metadata.xmp == nil {
        metadata.xmp = Array(body.dropFirst(Self.xmpMark.count))
      } else if marker == 0xe2, body.starts(with: Self.iccMark), body.count > 14 {
        parts[Int(body[body.startIndex + 12])] = body.dropFirst(14)
      }
      place += 2 + length
    }
    // A profile may be split over several segments, numbered from 1.
    if !parts.isEmpty, (1...parts.count).allSatisfy({ parts[$0] != nil }) {
      metadata.icc = (1...parts.count).flatMap { parts[$0]! }
    }
  }
}
