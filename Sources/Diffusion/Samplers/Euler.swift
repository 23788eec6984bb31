/// Euler's method in σ: x' = x + (σ' - σ) dx/dσ.  Karras et al. 2022, arXiv 2206.00364, alg. 2 without its second-order
/// correction. Draws nothing.
public struct Euler: Sampler {
  let options: SamplerOptions

  public init(_ options: SamplerOptions) { self.options = options }

  public func plan(steps: Int) throws -> Plan { try options.sigmaPlan(steps: steps) }

  public func step(_ x: Tensor, _ step: Step, noise: inout Noise) -> Tensor {
    x + Float(step.node.next.sigma - step.node.level.sigma) * step.estimate.slope
  }
}

/// Euler's method to σ↓ < σ', then fresh noise of σ↑ up to σ'.
///
///     σ↑² = σ'² (σ² - σ'²)/σ²,   σ↓² = σ'² - σ↑²
///
/// k-diffusion's ancestral sampling (Crowson 2022). Draws one tensor a call, also at the last, where σ↑ = 0.
public struct EulerAncestral: Sampler {
  let options: SamplerOptions

  public init(_ options: SamplerOptions) { self.options = options }

  public func plan(steps: Int) throws -> Plan { try options.sigmaPlan(steps: steps) }

  public func step(_ x: Tensor, _ step: Step, noise: inout Noise) -> Tensor {
    let (sigma, next) = (step.node.level.sigma, step.node.next.sigma)
    let split = AncestralSplit(from: sigma, to: next)
    return x + Float(split.down - sigma) * step.estimate.slope + Float(split.up) * noise(x.shape)
  }
}

/// How a step to σ' is divided into a deterministic part, to σ↓, and fresh noise σ↑.
struct AncestralSplit {
  let down, up: Double

  init(from sigma: Double, to next: Double) {
    let squared = next * next * (sigma * sigma - next * next) / (sigma * sigma)
    up = squared.squareRoot()
    down = max(next * next - squared, 0).squareRoot()
  }
}
