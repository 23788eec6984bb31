import Diffusion

/// A mask in pixels `[1, 1, H, W]` as one in latents `[1, 1, H/f, W/f]`.
func latentMask(_ mask: Tensor, _ mode: MaskMode, factor f: Int) -> Tensor {
  let (height, width) = (mask.shape[2] / f, mask.shape[3] / f)
  let columns = mask.shape[3]
  return Tensor(shape: [1, 1, height, width]) { out in
    mask.withElements { mask in
      for y in 0..<height {
        for x in 0..<width {
          let corner = y * f * columns + x * f
          var largest: Float = 0
          var sum: Float = 0
          for i in 0..<f {
            for j in 0..<f {
              largest = max(largest, mask[corner + i * columns + j])
              sum += mask[corner + i * columns + j]
            }
          }
          out[y * width + x] =
            switch mode {
            case .hard: largest >= 0.5 ? 1 : 0
            case .soft: sum / Float(f * f)
            case .nearest: mask[corner] >= 0.5 ? 1 : 0
            }
        }
      }
    }
  }
}

/// The picture with `value` where the mask is at least one half.
func blanked(_ picture: Tensor, where mask: Tensor, with value: Float) -> Tensor {
  let pixels = mask.count
  return Tensor(shape: picture.shape) { out in
    picture.withElements { picture in
      mask.withElements { mask in
        for i in out.indices { out[i] = mask[i % pixels] >= 0.5 ? value : picture[i] }
      }
    }
  }
}
