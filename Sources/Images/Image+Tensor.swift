import Tensors

extension Image {
  /// The colours as `[1, 3, H, W]` in -1...1: what networks compute with.
  public func tensor() -> Tensor { tensor(rows: 0..<height, columns: 0..<width) }

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

  /// Samples as `write` rounds them.
  ///
  /// - Parameters: tensor: `[1, 3, H, W]`; alpha: `[1, 1, H, W]` in 0...1.
  public init(tensor: Tensor, alpha: Tensor? = nil, depth: Int = 8, metadata: ImageMetadata = ImageMetadata()) {
    let (height, width) = (tensor.shape[2], tensor.shape[3])
    precondition(tensor.shape == [1, 3, height, width], "a picture of shape \(tensor.shape)")
    precondition(alpha.map { $0.shape == [1, 1, height, width] } ?? true, "alpha of another size than its picture")
    var sheet = Image(width: width, height: height, depth: depth)
    sheet.write(tensor, top: 0, left: 0)
    sheet.metadata = metadata
    self = sheet.with(alpha: alpha)
  }
}
