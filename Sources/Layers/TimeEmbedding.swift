import Foundation
import Tensors

/// Sinusoidal embedding of a timestep, `[1, width]`: `[cos(t f₀) … | sin(t f₀) …]`, fᵢ = 10000^(-i / (half - shift))
/// (Ho et al. 2020, arXiv 2006.11239, after Vaswani et al.). `flip` puts the cosines first, as Stable Diffusion has them.
public func sinusoids(timestep: Double, width: Int, flip: Bool = true, shift: Double = 0) -> Tensor {
  let half = width / 2
  return Tensor(shape: [1, width]) { out in
    out.update(repeating: 0)
    for i in 0..<half {
      // The exponent in f32, as the reference has it: its rounding moves the angle at late timesteps by up to 6e-5.
      let exponent = -Float(log(10000.0)) * Float(i) / Float(Double(half) - shift)
      let frequency = Float(exp(Double(exponent)))
      let angle = Float(timestep) * frequency
      out[flip ? i : half + i] = cos(angle)
      out[flip ? half + i : i] = sin(angle)
    }
  }
}
