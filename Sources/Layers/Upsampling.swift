import Tensors

/// Nearest-neighbour enlargement of maps `[N, h, w, C]` to `[N, height, width, C]`, by PyTorch's rule:
/// source = ⌊target · source size / target size⌋.
public func upsampledNearest(_ x: Tensor, height: Int, width: Int) -> Tensor {
  let (n, h, w, c) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
  return Tensor(shape: [n, height, width, c]) { out in
    x.withElements { x in
      for i in 0..<n {
        for row in 0..<height {
          let source = x.baseAddress! + (i * h + row * h / height) * w * c
          let target = out.baseAddress! + (i * height + row) * width * c
          for column in 0..<width {
            (target + column * c).update(from: source + column * w / width * c, count: c)
          }
        }
      }
    }
  }
}

/// Maps `[N, h, w, C s²]` → `[N, s h, s w, C]`: channel (c s + i) s + j of a place becomes channel c of row i and column j of
/// its square, as in PyTorch's `pixel_shuffle` (Shi et al. 2016, arXiv 1609.05158, eq. 4).
public func pixelShuffled(_ x: Tensor, by s: Int) -> Tensor {
  let (rows, w, channels) = (x.shape[0] * x.shape[1], x.shape[2], x.shape[3] / (s * s))
  precondition(channels * s * s == x.shape[3], "\(x.shape[3]) channels for squares of \(s)")
  return Tensor(shape: [x.shape[0], s * x.shape[1], s * w, channels]) { out in
    x.withElements { x in
      for row in 0..<rows {
        for column in 0..<w {
          let source = (row * w + column) * channels * s * s
          for i in 0..<s {
            let target = ((row * s + i) * w + column) * s * channels
            for j in 0..<s {
              for c in 0..<channels { out[target + j * channels + c] = x[source + (c * s + i) * s + j] }
            }
          }
        }
      }
    }
  }
}
