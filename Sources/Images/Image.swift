/// A picture as files hold it: interleaved RGB or RGBA of 8 or 16 bits, upright, with what came along.
public struct Image: Sendable {
  /// Samples of one depth, row by row.
  enum Samples: Sendable {
    case eight([UInt8])
    case sixteen([UInt16])
  }

  public let width, height: Int
  public let hasAlpha: Bool
  var samples: Samples
  public var metadata: ImageMetadata
  /// What it was read from.
  public let format: ImageFormat?
  /// What a user should know of how it was read; nil where there is nothing to say.
  public internal(set) var remark: String?

  init(
    width: Int, height: Int, hasAlpha: Bool, samples: Samples, metadata: ImageMetadata = ImageMetadata(),
    format: ImageFormat? = nil
  ) {
    (self.width, self.height, self.hasAlpha, self.samples) = (width, height, hasAlpha, samples)
    (self.metadata, self.format) = (metadata, format)
    precondition(sampleCount == width * height * channels, "\(sampleCount) samples for \(width) x \(height)")
  }

  public var channels: Int { hasAlpha ? 4 : 3 }

  /// Bits a sample: 8 or 16.
  public var depth: Int { if case .eight = samples { 8 } else { 16 } }

  private var sampleCount: Int {
    switch samples {
    case .eight(let values): values.count
    case .sixteen(let values): values.count
    }
  }
}

/// What a file says beside its pixels.
public struct ImageMetadata: Sendable, Equatable {
  /// The ICC profile that the samples' colours are meant in.
  public var icc: [UInt8]?
  /// A TIFF structure, without JPEG's "Exif" in front.
  public var exif: [UInt8]?
  /// An XMP packet.
  public var xmp: [UInt8]?
  /// PNG's text chunks.
  public var text: [String: String] = [:]

  public init() {}
}
