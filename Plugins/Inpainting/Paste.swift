import Diffusion

/// What a paste takes for the step across a hole's border, to be taken out.
public enum Seam: Sendable {
  /// What the decoder did to the known pixels along the border: it shifts colours a little. An edge that was painted
  /// right at the border stays.
  case decoder
  /// What is painted within the border against what is known without: for networks whose holes do not quite continue
  /// their surroundings. An edge that belongs there is smoothed away as well.
  case border
}

/// `painted` where the mask is 1, `original` where it is 0, blended between; without a border.
///
/// The step across the border is continued into the hole as a membrane (Laplace's equation with the steps as boundary
/// values; Pérez et al. 2003, "Poisson image editing", eq. 2 with no guidance field) and added.
///
/// - Parameters: painted, original: `[1, 3, H, W]`; mask: `[1, 1, H, W]`.
public func paste(_ painted: Tensor, over original: Tensor, mask: Tensor, seam: Seam = .decoder) -> Tensor {
  let (height, width) = (mask.shape[2], mask.shape[3])
  let pixels = height * width
  let hole = mask.withElements { $0.map { $0 > 0 } }
  guard hole.contains(true) else { return original }
  var result = original
  for channel in 0..<3 {
    let step = borderSteps(original, painted, channel, hole: hole, height: height, width: width, seam)
    let membrane = Membrane(boundary: step, hole: hole, height: height, width: width).solved()
    result.withMutableElements { out in
      painted.withElements { painted in
        mask.withElements { mask in
          for i in 0..<pixels where hole[i] {
            let j = channel * pixels + i
            out[j] += mask[i] * (min(max(painted[j] + membrane[i], -1), 1) - out[j])
          }
        }
      }
    }
  }
  return result
}

/// original - painted at the known pixels that touch the hole, each a difference of means over the pixels about it: a
/// single pixel's texture is not to be drawn into the hole.
private func borderSteps(
  _ original: Tensor, _ painted: Tensor, _ channel: Int, hole: [Bool], height: Int, width: Int, _ seam: Seam
) -> [Float] {
  var result = [Float](repeating: 0, count: height * width)
  let offset = channel * height * width
  original.withElements { original in
    painted.withElements { painted in
      /// Of the pixels up to `reach` away that are in the hole, or that are not.
      func mean(_ x: UnsafeBufferPointer<Float>, at row: Int, _ column: Int, reach: Int, inHole: Bool) -> Float {
        var sum: Float = 0
        var count: Float = 0
        for v in max(row - reach, 0)...min(row + reach, height - 1) {
          for u in max(column - reach, 0)...min(column + reach, width - 1) where hole[v * width + u] == inHole {
            sum += x[offset + v * width + u]
            count += 1
          }
        }
        return sum / count
      }
      for y in 0..<height {
        for x in 0..<width where !hole[y * width + x] && touches(hole, x, y, height: height, width: width) {
          result[y * width + x] =
            switch seam {
            case .decoder:
              mean(original, at: y, x, reach: 3, inHole: false) - mean(painted, at: y, x, reach: 3, inHole: false)
            // Nearer: on held-out pictures wider means leave more of a border to be seen.
            case .border:
              mean(original, at: y, x, reach: 1, inHole: false) - mean(painted, at: y, x, reach: 2, inHole: true)
            }
        }
      }
    }
  }
  return result
}

private func touches(_ hole: [Bool], _ x: Int, _ y: Int, height: Int, width: Int) -> Bool {
  (y > 0 && hole[(y - 1) * width + x]) || (y + 1 < height && hole[(y + 1) * width + x])
    || (x > 0 && hole[y * width + x - 1]) || (x + 1 < width && hole[y * width + x + 1])
}
