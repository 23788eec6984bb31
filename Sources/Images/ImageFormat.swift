/// Formats that are read (by their first bytes) and written.
public enum ImageFormat: String, CaseIterable, Sendable {
  case png, jpeg, webp
  /// Netpbm's: P1 to P6, and PAM (P7).
  case pnm

  /// By a file name's suffix, without the dot.
  public init?(suffix: String) {
    switch suffix.lowercased() {
    case "png": self = .png
    case "jpg", "jpeg", "jpe", "jfif": self = .jpeg
    case "webp": self = .webp
    case "pnm", "ppm", "pgm", "pbm", "pam": self = .pnm
    default: return nil
    }
  }

  /// By the first bytes of a file.
  public init?(magic bytes: [UInt8]) {
    if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47]) {
      self = .png
    } else if bytes.starts(with: [0xff, 0xd8, 0xff]) {
      self = .jpeg
    } else if bytes.count >= 12, bytes.starts(with: Array("RIFF".utf8)), bytes[8..<12].elementsEqual("WEBP".utf8) {
      self = .webp
    } else if bytes.count >= 2, bytes[0] == UInt8(ascii: "P"),
      (UInt8(ascii: "1")...UInt8(ascii: "7")).contains(bytes[1])
    {
      self = .pnm
    } else {
      return nil
    }
  }

  /// The usual suffix, without the dot.
  public var fileSuffix: String { self == .jpeg ? "jpg" : self == .pnm ? "ppm" : rawValue }
}
