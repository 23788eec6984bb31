import CJPEG
import CLCMS
import CPNG
import CWebP

extension Image {
  /// Reads a picture by its content: JPEG, PNG, WebP (the first frame of an animation), PNM or PAM.
  ///
  /// The orientation, by EXIF or XMP, is applied and set to upright in the metadata. Colours are not converted, but for CMYK:
  /// a profile is carried (a PNG's gAMA and cHRM and a grey profile as the RGB profile of the same meaning); see `inSRGB`.
  /// - Parameter maximumPixels: compared with the header before anything is allocated.
  /// - Throws: `ImageError`. Data that ends early is an error, never a half-grey picture.
  public init(decoding data: [UInt8], maximumPixels: Int = 256 << 20) throws(ImageError) {
    guard let format = ImageFormat(magic: data) else { throw .unknownFormat }
    let image =
      switch format {
      case .jpeg: try Image.jpeg(data, maximumPixels)
      case .png: try Image.png(data, maximumPixels)
      case .webp: try Image.webp(data, maximumPixels)
      case .pnm: try Image.pnm(data, maximumPixels)
      }
    self = image.upright()
  }

  static func check(_ width: Int, _ height: Int, _ limit: Int) throws(ImageError) {
    let (pixels, overflow) = width.multipliedReportingOverflow(by: height)
    guard !overflow, pixels <= limit else { throw .tooLarge(width: width, height: height, limit: limit) }
  }

  private static func jpeg(_ data: [UInt8], _ limit: Int) throws(ImageError) -> Image {
    var message = [CChar](repeating: 0, count: Int(LDM_JPEG_MESSAGE))
    var (width, height, cmyk) = (Int32(0), Int32(0), false)
    guard ldm_jpeg_header(data, data.count, &width, &height, &cmyk, &message) else {
      throw .damaged(format: .jpeg, why: text(message))
    }
    try check(Int(width), Int(height), limit)
    let count = Int(width) * Int(height) * (cmyk ? 4 : 3)
    var good = false
    let pixels = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      good = ldm_jpeg_decode(data, data.count, buffer.baseAddress, width, height, cmyk, &message)
      filled = good ? count : 0
    }
    guard good else { throw .damaged(format: .jpeg, why: text(message)) }
    var metadata = JPEGSegments(of: data).metadata
    let samples = cmyk ? rgb(ofCMYK: pixels, metadata.icc) : pixels
    metadata.icc = ColorProfile.carried(metadata.icc)
    return Image(
      width: Int(width), height: Int(height), hasAlpha: false, samples: .eight(samples), metadata: metadata,
      format: .jpeg)
  }

  /// By the profile, else by ink times black.
  ///
  /// - Parameter pixels: CMYK, 255 is no ink.
  private static func rgb(ofCMYK pixels: [UInt8], _ icc: [UInt8]?) -> [UInt8] {
    let count = pixels.count / 4
    return [UInt8](unsafeUninitializedCapacity: count * 3) { out, filled in
      filled = count * 3
      if let icc, ldm_profile_kind(icc, icc.count) == LDM_PROFILE_CMYK,
        ldm_profile_cmyk_to_srgb(icc, icc.count, pixels, out.baseAddress, count)
      {
        return
      }
      for i in 0..<count {
        let black = UInt32(pixels[4 * i + 3])
        for c in 0..<3 { out[3 * i + c] = UInt8((UInt32(pixels[4 * i + c]) * black + 127) / 255) }
      }
    }
  }

  private static func png(_ data: [UInt8], _ limit: Int) throws(ImageError) -> Image {
    try ImageHeader.checkSize(of: data, limit)
    var png = ldm_png()
    var message = [CChar](repeating: 0, count: Int(LDM_PNG_MESSAGE))
    guard ldm_png_read(data, data.count, UInt64(limit), false, &png, &message) else {
      throw .damaged(format: .png, why: text(message))
    }
    defer { ldm_png_free(&png) }
    let (width, height) = (Int(png.width), Int(png.height))
    let count = width * height * (png.alpha ? 4 : 3)
    let samples: Samples =
      png.depth == 16
      ? png.pixels.withMemoryRebound(to: UInt16.self, capacity: count) {
        .sixteen(Array(UnsafeBufferPointer(start: $0, count: count)))
      } : .eight(Array(UnsafeBufferPointer(start: png.pixels, count: count)))
    var metadata = ImageMetadata(png)
    metadata.icc = ColorProfile.carried(metadata.icc) ?? profile(png)
    return Image(
      width: width, height: height, hasAlpha: png.alpha, samples: samples, metadata: metadata, format: .png)
  }

  /// What gAMA and cHRM mean where neither a profile nor sRGB is named.
  private static func profile(_ png: ldm_png) -> [UInt8]? {
    guard png.icc == nil, !png.srgb, png.gamma > 0 || png.has_chromaticities else { return nil }
    let xy = withUnsafeBytes(of: png.chromaticities) { Array($0.bindMemory(to: Double.self)) }
    return ColorProfile.made(
      gamma: png.gamma > 0 ? png.gamma : nil, chromaticities: png.has_chromaticities ? xy : nil)
  }

  private static func webp(_ data: [UInt8], _ limit: Int) throws(ImageError) -> Image {
    var header = ldm_webp()
    var metadata = ImageMetadata()
    var failure: UnsafePointer<CChar>?
    data.withUnsafeBufferPointer { bytes in
      failure = ldm_webp_header(bytes.baseAddress, bytes.count, &header)
      if failure == nil { metadata = ImageMetadata(header) }
    }
    if let failure { throw .damaged(format: .webp, why: String(cString: failure)) }
    try check(Int(header.width), Int(header.height), limit)
    let count = Int(header.width) * Int(header.height) * (header.alpha ? 4 : 3)
    let pixels = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      failure = ldm_webp_decode(data, data.count, &header, buffer.baseAddress)
      filled = failure == nil ? count : 0
    }
    if let failure { throw .damaged(format: .webp, why: String(cString: failure)) }
    metadata.icc = ColorProfile.carried(metadata.icc)
    var image = Image(
      width: Int(header.width), height: Int(header.height), hasAlpha: header.alpha, samples: .eight(pixels),
      metadata: metadata, format: .webp)
    if header.frames > 1 { image.remark = "an animation of \(header.frames) frames; the first is taken" }
    return image
  }

  static func text(_ message: [CChar]) -> String {
    String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

extension ImageMetadata {
  init(_ png: ldm_png) {
    if let icc = png.icc { self.icc = Array(UnsafeBufferPointer(start: icc, count: png.icc_size)) }
    if let exif = png.exif { self.exif = Array(UnsafeBufferPointer(start: exif, count: png.exif_size)) }
    withUnsafeBytes(of: png.texts) { raw in
      for text in raw.bindMemory(to: ldm_png_text.self).prefix(png.text_count) {
        let (key, value) = (String(cString: text.key), String(cString: text.value))
        if key == "XML:com.adobe.xmp" { xmp = Array(value.utf8) } else { self.text[key] = value }
      }
    }
  }

  /// The header points into the data it was read from, which must still be there.
  init(_ header: ldm_webp) {
    func bytes(_ start: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8]? {
      start.map { Array(UnsafeBufferPointer(start: $0, count: count)) }
    }
    icc = bytes(header.icc, header.icc_size)
    exif = bytes(header.exif, header.exif_size).map {
      $0.starts(with: JPEGSegments.exifMark) ? Array($0.dropFirst(6)) : $0
    }
    xmp = bytes(header.xmp, header.xmp_size)
  }
}
