import Diffusion

/// `painted` where the mask is 1, `original` where it is 0, blended between; without a border.
///
/// A decoder shifts colours a little, so a bare paste shows its edge. What the decoder did to the known pixels along
/// the edge is continued into the hole as a membrane (Laplace's equation with the edge's differences as boundary
/// values; Pérez et al. 2003, "Poisson image editing", eq. 2 with no guidance field) and added.
///
/// - Parameters: painted, original: `[1, 3, H, W]`; mask: `[1, 1, H, W]`.
public func paste(_ painted: Tensor, over original: Tensor, mask: Tensor) -> Tensor {
  let (height, width) = (mask.shape[2], mask.shape[3])
  let pixels = height * width
  let hole = mask.withElements { $0.map { $0 > 0 } }
  guard hole.contains(true) else { return original }
  var result = original
  for channel in 0..<3 {
    let difference = edgeDifference(original, painted, channel, hole: hole, height: height, width: width)
    let membrane = Membrane(boundary: difference, hole: hole, height: height, width: width).solved()
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

/// original - painted at the known pixels that touch the hole, each the mean over the known pixels about it: a single
/// pixel's texture is not to be drawn into the hole.
private func edgeDifference(
  _ original: Tensor, _ painted: Tensor, _ channel: Int, hole: [Bool], height: Int, width: Int
) -> [Float] {
  var result = [Float](repeating: 0, count: height * width)
  let offset = channel * height * width
  original.withElements { original in
    painted.withElements { painted in
      for y in 0..<height {
        for x in 0..<width where !hole[y * width + x] && touches(hole, x, y, height: height, width: width) {
          var sum: Float = 0
          var count: Float = 0
          for v in max(y - 3, 0)...min(y + 3, height - 1) {
            for u in max(x - 3, 0)...min(x + 3, width - 1) where !hole[v * width + u] {
              sum += original[offset + v * width + u] - painted[offset + v * width + u]
              count += 1
            }
          }
          result[y * width + x] = sum / count
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
