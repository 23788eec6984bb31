import Tensors

/// Large pictures are read and written by rectangle: floats for a part at a time, a file's samples for the whole.
extension Image {
  /// Black, opaque, 8 or 16 bits a sample: a sheet that `write` fills.
  public init(width: Int, height: Int, depth: Int) {
    let count = width * height * 3
    self.init(
      width: width, height: height, hasAlpha: false,
      samples: depth == 16 ? .sixteen(Array(repeating: 0, count: count)) : .eight(Array(repeating: 0, count: count)))
  }

  /// The colours of a rectangle as `[1, 3, rows, columns]` in -1...1 (2 v/255 - 1, resp. 65535).
  public func tensor(rows: Range<Int>, columns: Range<Int>) -> Tensor {
    func planes<Sample: BinaryInteger>(_ values: [Sample], _ top: Float) -> Tensor {
      Tensor(shape: [1, 3, rows.count, columns.count]) { out in
        values.withUnsafeBufferPointer { values in
          var place = 0
          for c in 0..<3 {
            for y in rows {
              var source = (y * width + columns.lowerBound) * channels + c
              for _ in columns {
                out[place] = Float(values[source]) / top * 2 - 1
                (place, source) = (place + 1, source + channels)
              }
            }
          }
        }
      }
    }
    return switch samples {
    case .eight(let values): planes(values, 255)
    case .sixteen(let values): planes(values, 65535)
    }
  }

  /// Replaces the colours of a rectangle by round(m · clamp(y/2 + 1/2)), halves to even, m = 255 or 65535.
  ///
  /// - Parameters:
  ///   - pixels: `[1, 3, h, w]` in -1...1.
  ///   - mask: `[1, 1, h, w]`; where it is 0, samples stay as they are, bit for bit.
  public mutating func write(_ pixels: Tensor, top: Int, left: Int, where mask: Tensor? = nil) {
    let (h, w) = (pixels.shape[2], pixels.shape[3])
    precondition(top >= 0 && left >= 0 && top + h <= height && left + w <= width, "a part outside its picture")
    let (width, channels) = (width, channels)
    func put<Sample: FixedWidthInteger>(into values: inout [Sample], _ maximum: Float) {
      values.withUnsafeMutableBufferPointer { values in
        pixels.withElements { x in
          let mask = mask?.elements
          for c in 0..<3 {
            for y in 0..<h {
              var target = ((top + y) * width + left) * channels + c
              for i in (y * w)..<((y + 1) * w) {
                if mask.map({ $0[i] > 0 }) ?? true {
                  // In this order a NaN becomes 0, where no conversion could take it.
                  let value = min(max(0, x[c * h * w + i] / 2 + 0.5), 1) * maximum
                  values[target] = Sample(value.rounded(.toNearestOrEven))
                }
                target += channels
              }
            }
          }
        }
      }
    }
    // The samples are taken out while they are changed, so that they are not copied.
    switch samples {
    case .eight(var values):
      samples = .eight([])
      put(into: &values, 255)
      samples = .eight(values)
    case .sixteen(var values):
      samples = .sixteen([])
      put(into: &values, 65535)
      samples = .sixteen(values)
    }
  }

  /// With `alpha` `[1, 1, H, W]` in 0...1 in place of the picture's own opacity; nil makes it opaque by nature.
  public func with(alpha: Tensor?) -> Image {
    guard alpha != nil || hasAlpha else { return self }
    let (from, to) = (channels, alpha == nil ? 3 : 4)
    func rearranged<Sample: FixedWidthInteger>(_ values: [Sample], _ top: Float) -> [Sample] {
      var result = [Sample](repeating: 0, count: width * height * to)
      for i in 0..<(width * height) { for c in 0..<3 { result[i * to + c] = values[i * from + c] } }
      alpha?.withElements { alpha in
        for i in alpha.indices {
          result[4 * i + 3] = Sample((min(max(alpha[i], 0), 1) * top).rounded(.toNearestOrEven))
        }
      }
      return result
    }
    let samples: Samples =
      switch self.samples {
      case .eight(let values): .eight(rearranged(values, 255))
      case .sixteen(let values): .sixteen(rearranged(values, 65535))
      }
    return Image(
      width: width, height: height, hasAlpha: alpha != nil, samples: samples, metadata: metadata, format: format)
  }

  /// With 8 or 16 bits a sample; rounded where bits are lost.
  public func at(depth: Int) -> Image {
    guard depth != self.depth else { return self }
    return Image(
      width: width, height: height, hasAlpha: hasAlpha,
      samples: depth == 16 ? .sixteen(sixteenBit) : .eight(eightBit), metadata: metadata, format: format)
  }
}
