import Diffusion

/// A depth map as a condition: near is high, at the latents' size and spread over -1...1, appended to the input of a UNet
/// that was trained to keep to it (Stable Diffusion 2's depth model). With a picture to start from it keeps the picture's
/// shapes at any strength.
///
/// Draws no noise.
public struct Depth: Conditioner {
  public init() {}

  /// Whether a UNet has a channel for it.
  public static func suits(_ model: any ConditioningModel) -> Bool { model.inputChannels == model.latentChannels + 1 }

  public func condition(
    _ request: Request, with model: any ConditioningModel, noise: inout Noise
  ) throws -> Conditioning {
    guard Self.suits(model) else { throw ConditioningError.unsuited(model: model.name, to: "depth maps") }
    let depth = try request.required(\.depth, "a depth map (--depth-map FILE)", by: model.name)
    guard depth.shape.count == 4, depth.shape[0] == 1, depth.shape[1] == 1, depth.count > 0 else {
      throw ConditioningError.shape(
        what: "the depth map", found: depth.shape, expected: [1, 1] + depth.shape.suffix(2))
    }
    let factor = model.latentFactor
    let map = sampledBicubic(depth, height: request.size.height / factor, width: request.size.width / factor)
    var result = Conditioning()
    result.concatenated = spread(map)
    return result
  }
}

/// The least becomes -1, the greatest 1; a flat map, which says nothing of depth, 0.
func spread(_ map: Tensor) -> Tensor {
  let (low, high) = map.withElements { ($0.min() ?? 0, $0.max() ?? 0) }
  guard high > low else { return Tensor(zeros: map.shape) }
  return map.map { 2 * ($0 - low) / (high - low) - 1 }
}

/// Keys' cubic at a = -0.75, without smoothing first: what PyTorch's `interpolate` does, and so what the model's own
/// pipeline feeds it.
func sampledBicubic(_ map: Tensor, height: Int, width: Int) -> Tensor {
  guard map.shape[2] != height || map.shape[3] != width else { return map }
  let (rows, columns) = (taps(map.shape[2], height), taps(map.shape[3], width))
  return Tensor(shape: [1, 1, height, width]) { out in
    map.withElements { x in
      for (i, row) in rows.enumerated() {
        for (j, column) in columns.enumerated() {
          var sum: Float = 0
          for r in row {
            var line: Float = 0
            for c in column { line += c.weight * x[r.place * map.shape[3] + c.place] }
            sum += r.weight * line
          }
          out[i * width + j] = sum
        }
      }
    }
  }
}

/// Four places along an axis for each of `count` targets, and their weights.
private func taps(_ length: Int, _ count: Int) -> [[(place: Int, weight: Float)]] {
  let a: Float = -0.75
  func weight(_ distance: Float) -> Float {
    let d = abs(distance)
    return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((d - 5) * d + 8) * d * a - 4 * a
  }
  let scale = Float(length) / Float(count)
  return (0..<count).map { target in
    let centre = (Float(target) + 0.5) * scale - 0.5
    let first = Int(centre.rounded(.down))
    return (-1...2).map { offset in
      (min(max(first + offset, 0), length - 1), weight(centre - Float(first + offset)))
    }
  }
}
