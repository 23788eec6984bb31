import Foundation
import Layers

/// The layers in plain Swift, in double precision, as their definitions read: what every kernel is compared with.
enum Plain {
  /// `x`: `[N, H, W, inputs]`; `weight`: `[outputs, inputs, k, k]`. Zeros stand around the map.
  static func convolution(_ x: Tensor, _ weight: Tensor, _ bias: Tensor, stride: Int, padding: Padding) -> Tensor {
    let (n, h, w, inputs) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    let (outputs, k) = (weight.shape[0], weight.shape[2])
    let height = (h + padding.top + padding.bottom - k) / stride + 1
    let width = (w + padding.left + padding.right - k) / stride + 1
    let (x, weight, bias) = (x.elements, weight.elements, bias.elements)
    var result: [Float] = []
    for image in 0..<n {
      for row in 0..<height {
        for column in 0..<width {
          for o in 0..<outputs {
            var sum = Double(bias[o])
            for i in 0..<k {
              for j in 0..<k {
                let (y, z) = (row * stride + i - padding.top, column * stride + j - padding.left)
                guard (0..<h).contains(y), (0..<w).contains(z) else { continue }
                let pixel = ((image * h + y) * w + z) * inputs
                for c in 0..<inputs {
                  sum += Double(x[pixel + c]) * Double(weight[((o * inputs + c) * k + i) * k + j])
                }
              }
            }
            result.append(Float(sum))
          }
        }
      }
    }
    return Tensor(result, shape: [n, height, width, outputs])
  }

  /// `weight`: `[outputs, inputs]`.
  static func linear(_ x: Tensor, _ weight: Tensor, _ bias: Tensor?) -> Tensor {
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    let rows = x.count / inputs
    let (values, weights) = (x.elements, weight.elements)
    let result = (0..<(rows * outputs)).map { place in
      let (row, o) = (place / outputs, place % outputs)
      let sum = (0..<inputs).reduce(bias.map { Double($0[flat: o]) } ?? 0) {
        $0 + Double(values[row * inputs + $1]) * Double(weights[o * inputs + $1])
      }
      return Float(sum)
    }
    return Tensor(result, shape: x.shape.dropLast() + [outputs])
  }

  /// Mean 0 and variance 1 over each set of places, then scale and shift by channel (the last axis).
  private static func normalized(_ x: Tensor, _ sets: [[Int]], _ weight: Tensor, _ bias: Tensor, _ epsilon: Float)
    -> Tensor
  {
    let channels = x.shape.last!
    var result = x
    for set in sets {
      let mean = set.reduce(0) { $0 + Double(x[flat: $1]) } / Double(set.count)
      let variance = set.reduce(0) { $0 + pow(Double(x[flat: $1]) - mean, 2) } / Double(set.count)
      for place in set {
        let y = (Double(x[flat: place]) - mean) / (variance + Double(epsilon)).squareRoot()
        result[flat: place] = Float(y * Double(weight[flat: place % channels]) + Double(bias[flat: place % channels]))
      }
    }
    return result
  }

  static func groupNorm(_ x: Tensor, _ weight: Tensor, _ bias: Tensor, groups: Int, epsilon: Float) -> Tensor {
    let channels = x.shape.last!
    let pixels = x.count / x.shape[0] / channels
    let width = channels / groups
    let sets = (0..<x.shape[0]).flatMap { image in
      (0..<groups).map { group in
        (0..<pixels).flatMap { pixel in (0..<width).map { (image * pixels + pixel) * channels + group * width + $0 } }
      }
    }
    return normalized(x, sets, weight, bias, epsilon)
  }

  static func layerNorm(_ x: Tensor, _ weight: Tensor, _ bias: Tensor, epsilon: Float) -> Tensor {
    let width = x.shape.last!
    let sets = (0..<(x.count / width)).map { row in Array((row * width)..<((row + 1) * width)) }
    return normalized(x, sets, weight, bias, epsilon)
  }

  static func silu(_ x: Float) -> Float { Float(Double(x) / (1 + exp(-Double(x)))) }
  static func gelu(_ x: Float) -> Float { Float(0.5 * Double(x) * erfc(-Double(x) / 2.0.squareRoot())) }
  static func quickGELU(_ x: Float) -> Float { Float(Double(x) / (1 + exp(-1.702 * Double(x)))) }

  static func geglu(_ x: Tensor) -> Tensor {
    let width = x.shape.last! / 2
    let result = (0..<(x.count / 2)).map { place in
      let value = place / width * 2 * width + place % width
      return x[flat: value] * gelu(x[flat: value + width])
    }
    return Tensor(result, shape: x.shape.dropLast() + [width])
  }

  /// The whole score matrix, a row at a time.
  static func attention(_ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, causal: Bool) -> Tensor {
    let (n, queries, width, keys) = (q.shape[0], q.shape[1], q.shape[2], k.shape[1])
    let d = width / heads
    let (qs, ks, vs) = (q.elements, k.elements, v.elements)
    var result = [Float](repeating: 0, count: q.count)
    for image in 0..<n {
      for head in 0..<heads {
        for i in 0..<queries {
          let from = (image * queries + i) * width + head * d
          let seen = causal ? i + 1 : keys
          let scores = (0..<seen).map { j in
            let key = (image * keys + j) * width + head * d
            return (0..<d).reduce(0) { $0 + Double(qs[from + $1]) * Double(ks[key + $1]) } / Double(d).squareRoot()
          }
          let top = scores.max()!
          let weights = scores.map { exp($0 - top) }
          let total = weights.reduce(0, +)
          for c in 0..<d {
            let sum = weights.enumerated().reduce(0) {
              $0 + $1.element * Double(vs[(image * keys + $1.offset) * width + head * d + c])
            }
            result[from + c] = Float(sum / total)
          }
        }
      }
    }
    return Tensor(result, shape: q.shape)
  }

  static func upsampledNearest(_ x: Tensor, height: Int, width: Int) -> Tensor {
    let (n, h, w, c) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    let result = (0..<(n * height * width * c)).map { place in
      let (channel, column) = (place % c, place / c % width)
      let (row, image) = (place / c / width % height, place / c / width / height)
      return x[flat: ((image * h + row * h / height) * w + column * w / width) * c + channel]
    }
    return Tensor(result, shape: [n, height, width, c])
  }
}
