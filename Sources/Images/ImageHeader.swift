import CJPEG
import CPNG
import CWebP

/// What a file says of its picture, read without decoding the pixels.
public struct ImageHeader: Sendable {
  public let format: ImageFormat
  /// As stored: the orientation is not applied.
  public let width, height: Int
  public let depth: Int
  public let hasAlpha: Bool
  public let metadata: ImageMetadata

  /// - Throws: `ImageError.unknownFormat`, `.damaged`.
  public init(of data: [UInt8]) throws(ImageError) {
    guard let format = ImageFormat(magic: data) else { throw .unknownFormat }
    self.format = format
    switch format {
    case .jpeg:
      var message = [CChar](repeating: 0, count: Int(LDM_JPEG_MESSAGE))
      var (w, h, cmyk) = (Int32(0), Int32(0), false)
      guard ldm_jpeg_header(data, data.count, &w, &h, &cmyk, &message) else {
        throw .damaged(format: format, why: Image.text(message))
      }
      (width, height, depth, hasAlpha) = (Int(w), Int(h), 8, false)
      metadata = JPEGSegments(of: data).metadata
    case .png:
      var png = ldm_png()
      var message = [CChar](repeating: 0, count: Int(LDM_PNG_MESSAGE))
      guard ldm_png_read(data, data.count, .max, true, &png, &message) else {
        throw .damaged(format: format, why: Image.text(message))
      }
      defer { ldm_png_free(&png) }
      (width, height, depth, hasAlpha) = (Int(png.width), Int(png.height), Int(png.depth), png.alpha)
      metadata = ImageMetadata(png)
    case .webp:
      var header = ldm_webp()
      var failure: UnsafePointer<CChar>?
      var found = ImageMetadata()
      data.withUnsafeBufferPointer { bytes in
        failure = ldm_webp_header(bytes.baseAddress, bytes.count, &header)
        if failure == nil { found = ImageMetadata(header) }
      }
      if let failure { throw .damaged(format: format, why: String(cString: failure)) }
      (width, height, depth, hasAlpha) = (Int(header.width), Int(header.height), 8, header.alpha)
      metadata = found
    case .pnm:
      var reader = PNMReader(data)
      let header = try reader.header()
      (width, height, depth) = (header.width, header.height, header.maximum > 255 ? 16 : 8)
      hasAlpha = header.channels == 2 || header.channels == 4
      metadata = ImageMetadata()
    }
  }

  /// The size in a PNG's first chunk, compared with a limit.
  static func checkSize(of png: [UInt8], _ limit: Int) throws(ImageError) {
    guard png.count >= 24 else { throw .damaged(format: .png, why: "the data ends early") }
    func number(_ start: Int) -> Int { png[start..<(start + 4)].reduce(0) { $0 << 8 | Int($1) } }
    try Image.check(number(16), number(20), limit)
  }
}
