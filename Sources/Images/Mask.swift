import Foundation
import Tensors

/// Where to repaint: `[1, 1, H, W]` in 0...1, 1 repaints.
public struct Mask: Sendable {
  public let tensor: Tensor

  public init(_ tensor: Tensor) { self.tensor = tensor }

  /// White repaints: the picture's grey by Pillow's weights, (19595 R + 38470 G + 7471 B + 32768) / 65536.
  public init(_ image: Image) {
    let values = image.eightBit
    let channels = image.channels
    tensor = Tensor(shape: [1, 1, image.height, image.width]) { out in
      for i in out.indices {
        let (r, g, b) = (Int(values[i * channels]), Int(values[i * channels + 1]), Int(values[i * channels + 2]))
        out[i] = Float((r * 19595 + g * 38470 + b * 7471 + 0x8000) >> 16) / 255
      }
    }
  }

  /// Transparent repaints; nil for a picture without alpha.
  public init?(alphaOf image: Image) {
    guard let alpha = image.alphaTensor() else { return nil }
    tensor = alpha.map { 1 - $0 }
  }

  public func inverted() -> Mask { Mask(tensor.map { 1 - $0 }) }

  /// Share of the pixels that are repainted (at least one half).
  public var share: Double {
    tensor.withElements { x in Double(x.reduce(0) { $0 + ($1 >= 0.5 ? 1 : 0) }) / Double(max(x.count, 1)) }
  }

  /// Every pixel the largest within `pixels` along both axes.
  public func grown(by pixels: Int) -> Mask {
    guard pixels > 0 else { return self }
    let (h, w) = (tensor.shape[2], tensor.shape[3])
    func spread(_ x: [Float], count: Int, length: Int, step: Int, start: (Int) -> Int) -> [Float] {
      var result = x
      for line in 0..<count {
        let first = start(line)
        for i in 0..<length {
          var largest: Float = 0
          for k in max(i - pixels, 0)...min(i + pixels, length - 1) { largest = max(largest, x[first + k * step]) }
          result[first + i * step] = largest
        }
      }
      return result
    }
    let across = spread(tensor.elements, count: h, length: w, step: 1) { $0 * w }
    return Mask(Tensor(spread(across, count: w, length: h, step: w) { $0 }, shape: tensor.shape))
  }

  /// Blurred by a Gaussian of deviation `pixels` / 2.
  public func feathered(by pixels: Int) -> Mask {
    guard pixels > 0 else { return self }
    let deviation = Double(pixels) / 2
    let kernel = (-pixels...pixels).map { Float(exp(-Double($0 * $0) / (2 * deviation * deviation))) }
    let total = kernel.reduce(0, +)
    let (h, w) = (tensor.shape[2], tensor.shape[3])
    func blur(_ x: [Float], count: Int, length: Int, step: Int, start: (Int) -> Int) -> [Float] {
      var result = x
      for line in 0..<count {
        let first = start(line)
        for i in 0..<length {
          var sum: Float = 0
          for (k, weight) in kernel.enumerated() {
            sum += weight * x[first + min(max(i + k - pixels, 0), length - 1) * step]
          }
          result[first + i * step] = sum / total
        }
      }
      return result
    }
    let across = blur(tensor.elements, count: h, length: w, step: 1) { $0 * w }
    return Mask(Tensor(blur(across, count: w, length: h, step: w) { $0 }, shape: tensor.shape))
  }
}
