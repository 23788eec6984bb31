import Tensors

extension Image {
  /// The colours as `[1, 3, H, W]` in -1...1 (2 v/255 - 1, resp. 65535): what networks compute with.
  public func tensor() -> Tensor {
    let pixels = width * height
    func planes<Sample: BinaryInteger>(_ values: [Sample], _ top: Float) -> Tensor {
      Tensor(shape: [1, 3, height, width]) { out in
        values.withUnsafeBufferPointer { values in
          for c in 0..<3 {
            for i in 0..<pixels { out[c * pixels + i] = Float(values[i * channels + c]) / top * 2 - 1 }
          }
        }
      }
    }
    return switch samples {
    case .eight(let values): planes(values, 255)
    case .sixteen(let values): planes(values, 65535)
    }
  }

  /// Opacity, `[1, 1, H, W]` in 0...1; nil where all is opaque by nature.
  public func alphaTensor() -> Tensor? {
    guard hasAlpha else { return nil }
    func plane<Sample: BinaryInteger>(_ values: [Sample], _ top: Float) -> Tensor {
      Tensor(shape: [1, 1, height, width]) { out in
        for i in out.indices { out[i] = Float(values[4 * i + 3]) / top }
      }
    }
    return switch samples {
    case .eight(let values): plane(values, 255)
    case .sixteen(let values): plane(values, 65535)
    }
  }

  /// Samples round(m · clamp(y/2 + 1/2)), halves to even, m = 255 or 65535.
  ///
  /// - Parameters: tensor: `[1, 3, H, W]`; alpha: `[1, 1, H, W]` in 0...1.
  public init(tensor: Tensor, alpha: Tensor? = nil, depth: Int = 8, metadata: ImageMetadata = ImageMetadata()) {
    let (height, width) = (tensor.shape[2], tensor.shape[3])
    precondition(tensor.shape == [1, 3, height, width], "a picture of shape \(tensor.shape)")
    precondition(alpha.map { $0.shape == [1, 1, height, width] } ?? true, "alpha of another size than its picture")
    let pixels = width * height
    let channels = alpha == nil ? 3 : 4
    func interleaved<Sample: FixedWidthInteger>(_ top: Float, _: Sample.Type) -> [Sample] {
      var result = [Sample](repeating: 0, count: pixels * channels)
      func put(_ channel: Int, _ value: (Int) -> Float) {
        for i in 0..<pixels {
          // In this order a NaN becomes 0, where no conversion could take it.
          result[i * channels + channel] = Sample((min(max(0, value(i)), 1) * top).rounded(.toNearestOrEven))
        }
      }
      tensor.withElements { x in for c in 0..<3 { put(c) { x[c * pixels + $0] / 2 + 0.5 } } }
      alpha?.withElements { a in put(3) { a[$0] } }
      return result
    }
    self.init(
      width: width, height: height, hasAlpha: alpha != nil,
      samples: depth == 16 ? .sixteen(interleaved(65535, UInt16.self)) : .eight(interleaved(255, UInt8.self)),
      metadata: metadata)
  }
}
