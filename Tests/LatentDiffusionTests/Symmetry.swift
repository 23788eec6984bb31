import Diffusion

/// A fifth conditioner, as somebody else would write it, against Diffusion alone: pictures that are their own mirror image.
///
/// Both halves of the latents are averaged after each call of the model, and of the picture after decoding. Draws nothing.
struct Symmetry: Conditioner {
  func condition(
    _ request: Request, with model: any ConditioningModel, noise: inout Noise
  ) throws -> Conditioning {
    var result = Conditioning()
    result.constrain = [{ latents, _ in Self.symmetric(latents) }]
    result.compose = [Self.symmetric]
    return result
  }

  @Sendable private static func symmetric(_ x: Tensor) -> Tensor {
    let last = x.shape[3] - 1
    return Tensor(shape: x.shape) { out in
      x.withElements { x in
        for i in out.indices {
          let column = i % (last + 1)
          out[i] = (x[i] + x[i - column + last - column]) / 2
        }
      }
    }
  }
}
