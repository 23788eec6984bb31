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

  /// The pixels whose red, green and blue are each within `tolerance` of `color`, in 8-bit levels.
  public init(color: (red: UInt8, green: UInt8, blue: UInt8), tolerance: Int, of image: Image) {
    let values = image.eightBit
    let channels = image.channels
    let wanted = [Int(color.red), Int(color.green), Int(color.blue)]
    tensor = Tensor(shape: [1, 1, image.height, image.width]) { out in
      for i in out.indices {
        out[i] = (0..<3).allSatisfy { abs(Int(values[i * channels + $0]) - wanted[$0]) <= tolerance } ? 1 : 0
      }
    }
  }

  public func inverted() -> Mask { Mask(tensor.map { 1 - $0 }) }

  /// Share of the pixels that are repainted (at least one half).
  public var share: Double {
    tensor.withElements { x in Double(x.reduce(0) { $0 + ($1 >= 0.5 ? 1 : 0) }) / Double(max(x.count, 1)) }
  }

  /// Where either repaints: the larger of the two. Both are of one size.
  public func united(with other: Mask) -> Mask { Mask(tensor.zip(other.tensor) { max($0, $1) }) }

  /// Every pixel the largest within `pixels` along both axes.
  public func grown(by pixels: Int) -> Mask {
    guard pixels > 0 else { return self }
    // Maxima of 1, 2, 4, ... neighbours; two of the last cover the whole span.
    let span = 2 * pixels + 1
    return alongBothAxes(margin: pixels, border: { _ in 0 }) { line, count in
      var reach = 1
      while reach * 2 <= span {
        for i in 0..<(line.count - reach) { line[i] = max(line[i], line[i + reach]) }
        reach *= 2
      }
      for i in 0..<count { line[i] = max(line[i], line[i + span - reach]) }
    }
  }

  /// Blurred by a Gaussian of deviation `pixels` / 2.
  public func feathered(by pixels: Int) -> Mask {
    guard pixels > 0 else { return self }
    let deviation = Double(pixels) / 2
    let kernel = (-pixels...pixels).map { Float(exp(-Double($0 * $0) / (2 * deviation * deviation))) }
    let total = kernel.reduce(0, +)
    var sums: [Float] = []
    return alongBothAxes(margin: pixels, border: { $0 }) { line, count in
      sums = Array(repeating: 0, count: count)
      sums.withUnsafeMutableBufferPointer { sums in
        for (k, weight) in kernel.enumerated() { for i in 0..<count { sums[i] += weight * line[i + k] } }
        for i in 0..<count { line[i] = sums[i] / total }
      }
    }
  }

  /// Every row, then every column of the result, with `margin` more samples before and behind, goes through `body`, which
  /// leaves its result in the first `count` places.
  private func alongBothAxes(
    margin: Int, border: (Float) -> Float, _ body: (UnsafeMutableBufferPointer<Float>, _ count: Int) -> Void
  ) -> Mask {
    let (h, w) = (tensor.shape[2], tensor.shape[3])
    var result = tensor
    result.withMutableElements { x in
      for (lines, length, step, across) in [(h, w, 1, w), (w, h, w, 1)] {
        var line = [Float](repeating: 0, count: length + 2 * margin)
        line.withUnsafeMutableBufferPointer { line in
          for first in stride(from: 0, to: lines * across, by: across) {
            line.update(repeating: border(x[first]))
            for i in 0..<length { line[margin + i] = x[first + i * step] }
            let last = border(x[first + (length - 1) * step])
            for i in (margin + length)..<line.count { line[i] = last }
            body(line, length)
            for i in 0..<length { x[first + i * step] = line[i] }
          }
        }
      }
    }
    return Mask(result)
  }
}
