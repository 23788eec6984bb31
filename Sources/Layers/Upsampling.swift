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
