extension Image {
  /// The samples as 8 bits, rounded.
  var eightBit: [UInt8] {
    switch samples {
    case .eight(let values): values
    case .sixteen(let values): values.map { UInt8((UInt32($0) * 255 + 32767) / 65535) }
    }
  }

  /// The samples as 16 bits.
  var sixteenBit: [UInt16] {
    switch samples {
    case .eight(let values): values.map { UInt16($0) * 257 }
    case .sixteen(let values): values
    }
  }

  /// 8-bit RGB, laid on white where there is alpha.
  func onWhite() -> [UInt8] {
    let values = eightBit
    guard hasAlpha else { return values }
    var result = [UInt8](repeating: 255, count: width * height * 3)
    for i in 0..<(width * height) {
      let alpha = UInt32(values[4 * i + 3])
      for c in 0..<3 {
        result[3 * i + c] = UInt8((UInt32(values[4 * i + c]) * alpha + 255 * (255 - alpha) + 127) / 255)
      }
    }
    return result
  }

  /// The picture turned as EXIF's orientation says, or XMP's where EXIF says none (so does Pillow, and so the Metadata
  /// Working Group's guidelines rank them); its metadata, both, say that it is upright.
  func upright() -> Image {
    var exif = metadata.exif.flatMap(Exif.init)
    var packet = XMPPacket(metadata.xmp.map { String(decoding: $0, as: UTF8.self) })
    let said = packet.orientation
    let orientation = exif?.orientation ?? said ?? 1
    var result = (2...8).contains(orientation) ? turned(orientation) : self
    exif?.orientation = 1
    if let exif { result.metadata.exif = exif.encoded() }
    if said != nil && said != 1 {
      packet.orientation = 1
      result.metadata.xmp = Array(packet.text.utf8)
    }
    return result
  }

  /// - Parameter orientation: EXIF's, 2...8.
  private func turned(_ orientation: Int) -> Image {
    let swaps = orientation >= 5
    let (w, h) = swaps ? (height, width) : (width, height)
    /// Where the pixel at column x, row y of the result comes from.
    func source(_ x: Int, _ y: Int) -> Int {
      let (u, v) = swaps ? (y, x) : (x, y)
      let mirrorsX = [2, 3, 7, 8].contains(orientation)
      let mirrorsY = [3, 4, 6, 7].contains(orientation)
      return (mirrorsY ? height - 1 - v : v) * width + (mirrorsX ? width - 1 - u : u)
    }
    func rearranged<Sample>(_ values: [Sample]) -> [Sample] {
      var result: [Sample] = []
      result.reserveCapacity(values.count)
      for y in 0..<h {
        for x in 0..<w {
          let start = source(x, y) * channels
          for c in 0..<channels { result.append(values[start + c]) }
        }
      }
      return result
    }
    let samples: Samples =
      switch self.samples {
      case .eight(let values): .eight(rearranged(values))
      case .sixteen(let values): .sixteen(rearranged(values))
      }
    return Image(width: w, height: h, hasAlpha: hasAlpha, samples: samples, metadata: metadata, format: format)
  }
}
