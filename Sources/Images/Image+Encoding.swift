import CJPEG
import CPNG
import CWebP
import Foundation

/// How a picture is written.
public struct EncodingOptions: Sendable, Equatable {
  /// 1...100 for JPEG (92 where nil; colour at full resolution above 90) and lossy WebP (90 where nil).
  public var quality: Int?
  /// WebP without loss.
  public var lossless = false
  /// 8 or 16 bits a sample; nil keeps the picture's, where the format can.
  public var depth: Int?
  /// Leaves out EXIF, XMP and texts. The colour profile stays: without it the samples mean other colours.
  public var strip = false

  public init() {}
}

extension Image {
  /// The picture as a file. JPEG and WebP hold 8 bits. JPEG has no alpha: the picture is laid on white.
  ///
  /// - Throws: `ImageError.cannotEncode`.
  public func encoded(as format: ImageFormat, _ options: EncodingOptions = EncodingOptions()) throws(ImageError)
    -> [UInt8]
  {
    var metadata = options.strip ? ImageMetadata() : self.metadata
    metadata.icc = self.metadata.icc
    metadata.exif = metadata.exif.map { Exif($0)?.telling(width: width, height: height).encoded() ?? $0 }
    switch format {
    case .png: return try png(metadata, depth: options.depth ?? depth)
    case .jpeg: return try jpeg(metadata, quality: options.quality ?? 92)
    case .webp: return try webp(metadata, quality: options.quality ?? 90, lossless: options.lossless)
    case .pnm: return pnm(depth: options.depth ?? depth)
    }
  }

  private func jpeg(_ metadata: ImageMetadata, quality: Int) throws(ImageError) -> [UInt8] {
    guard width <= 65500, height <= 65500 else {
      throw .cannotEncode(format: .jpeg, why: "JPEG holds at most 65500 pixels a side")
    }
    let pixels = onWhite()
    var bodies: [[UInt8]] = []
    if let exif = metadata.exif { bodies.append(JPEGSegments.exifMark + exif) }
    if let xmp = metadata.xmp { bodies.append(JPEGSegments.xmpMark + xmp) }
    bodies.removeAll { $0.count > 65533 }  // a segment holds no more
    let starts = bodies.indices.map { i in bodies[..<i].reduce(0) { $0 + $1.count } }
    let joined = bodies.flatMap { $0 }
    var message = [CChar](repeating: 0, count: Int(LDM_JPEG_MESSAGE))
    var out: UnsafeMutablePointer<UInt8>?
    var size = 0
    let icc = metadata.icc ?? []
    let good = joined.withUnsafeBufferPointer { joined in
      let segments = bodies.indices.map { i in
        ldm_jpeg_segment(marker: 0xe1, data: joined.baseAddress! + starts[i], size: bodies[i].count)
      }
      return ldm_jpeg_encode(
        pixels, Int32(width), Int32(height), Int32(quality), quality > 90, segments, segments.count, icc, icc.count,
        &out,
        &size, &message)
    }
    guard good, let out else { throw .cannotEncode(format: .jpeg, why: Image.text(message)) }
    defer { free(out) }
    return Array(UnsafeBufferPointer(start: out, count: size))
  }

  private func png(_ metadata: ImageMetadata, depth: Int) throws(ImageError) -> [UInt8] {
    var texts = metadata.text.sorted { $0.key < $1.key }.filter { (1...79).contains($0.key.utf8.count) }
    if let xmp = metadata.xmp { texts.append((key: "XML:com.adobe.xmp", value: String(decoding: xmp, as: UTF8.self))) }
    // Only so many are written: how the picture was made comes before what other tools noted.
    let first = ["parameters", "XML:com.adobe.xmp"]
    texts = texts.filter { first.contains($0.key) } + texts.filter { !first.contains($0.key) }
    var png = ldm_png()
    (png.width, png.height, png.depth, png.alpha) = (UInt32(width), UInt32(height), Int32(depth), hasAlpha)
    let strings = texts.prefix(Int(LDM_PNG_TEXTS)).map { (strdup($0.key), strdup($0.value)) }
    defer { for (key, value) in strings { free(key); free(value) } }
    png.text_count = strings.count
    withUnsafeMutableBytes(of: &png.texts) { raw in
      let slots = raw.bindMemory(to: ldm_png_text.self)
      for (i, (key, value)) in strings.enumerated() { slots[i] = ldm_png_text(key: key, value: value) }
    }
    var message = [CChar](repeating: 0, count: Int(LDM_PNG_MESSAGE))
    var out: UnsafeMutablePointer<UInt8>?
    var size = 0
    var (icc, exif) = (metadata.icc ?? [], metadata.exif ?? [])
    let good = withRawSamples(depth: depth) { pixels in
      icc.withUnsafeMutableBufferPointer { icc in
        exif.withUnsafeMutableBufferPointer { exif in
          png.pixels = UnsafeMutablePointer(mutating: pixels)
          (png.icc, png.icc_size) = (icc.baseAddress, icc.count)
          (png.exif, png.exif_size) = (exif.baseAddress, exif.count)
          return ldm_png_write(&png, &out, &size, &message)
        }
      }
    }
    guard good, let out else { throw .cannotEncode(format: .png, why: Image.text(message)) }
    defer { free(out) }
    return Array(UnsafeBufferPointer(start: out, count: size))
  }

  private func webp(_ metadata: ImageMetadata, quality: Int, lossless: Bool) throws(ImageError) -> [UInt8] {
    var header = ldm_webp()
    (header.width, header.height, header.alpha) = (Int32(width), Int32(height), hasAlpha)
    let (icc, exif, xmp) = (metadata.icc ?? [], metadata.exif ?? [], metadata.xmp ?? [])
    var out: UnsafeMutablePointer<UInt8>?
    var size = 0
    let failure = withRawSamples(depth: 8) { pixels in
      icc.withUnsafeBufferPointer { icc in
        exif.withUnsafeBufferPointer { exif in
          xmp.withUnsafeBufferPointer { xmp in
            (header.icc, header.icc_size) = (icc.baseAddress, icc.count)
            (header.exif, header.exif_size) = (exif.baseAddress, exif.count)
            (header.xmp, header.xmp_size) = (xmp.baseAddress, xmp.count)
            return ldm_webp_encode(&header, pixels, Float(quality), lossless, &out, &size)
          }
        }
      }
    }
    if let failure { throw .cannotEncode(format: .webp, why: String(cString: failure)) }
    defer { free(out) }
    return Array(UnsafeBufferPointer(start: out, count: size))
  }

  /// P6, or PAM where there is alpha; 16-bit samples big-endian.
  private func pnm(depth: Int) -> [UInt8] {
    let maximum = depth == 16 ? 65535 : 255
    let header =
      hasAlpha
      ? "P7\nWIDTH \(width)\nHEIGHT \(height)\nDEPTH 4\nMAXVAL \(maximum)\nTUPLTYPE RGB_ALPHA\nENDHDR\n"
      : "P6\n\(width) \(height)\n\(maximum)\n"
    var result = Array(header.utf8)
    if depth == 16 {
      for sample in sixteenBit { result += [UInt8(sample >> 8), UInt8(sample & 255)] }
    } else {
      result += eightBit
    }
    return result
  }

  func withRawSamples<R>(depth: Int, _ body: (UnsafePointer<UInt8>) -> R) -> R {
    if depth == 16 {
      return sixteenBit.withUnsafeBytes { body($0.bindMemory(to: UInt8.self).baseAddress!) }
    }
    return eightBit.withUnsafeBufferPointer { body($0.baseAddress!) }
  }
}
