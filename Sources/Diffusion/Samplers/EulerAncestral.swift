/// Euler's method to below σ', and fresh noise up to it.
///
///     σ↑ = √(σ'²(σ²-σ'²)/σ²),  σ↓ = √(σ'²-σ↑²)
///     x' = x + (σ↓-σ) (x - x̂₀)/σ + σ↑ n
///
/// Song et al. 2021, arXiv:2011.13456, in the form of k-diffusion. Draws: n at every call, also the last (σ↑ = 0).
public struct EulerAncestral: Sampler {
  public let prediction: Prediction
  public var history: Int { 0 }
  private let sigmas: SigmaGrid

  public init(_ setup: SamplerSetup) throws(SamplerError) {
    prediction = setup.prediction
    sigmas = SigmaGrid(grid: try setup.grid(.linspace, curved: true, obeysConfig: false), roundsKarras: false)
  }

  public func plan(_ steps: StepCount) throws(SamplerError) -> Plan { try sigmas.plan(steps) }

  public func next(_ step: Step, noise: inout Noise) -> Tensor {
    let (sigma, split) = (step.node.level.sigma, AncestralSplit(step.node.level.sigma, step.node.next.sigma))
    let n = noise(step.current.x.shape)
    return linear((1, step.current.x), (split.down - sigma, step.current.slope), (split.up, n))
  }
}

/// An ancestral step from σ to σ': down by the equation, up by noise.
struct AncestralSplit {
  let up: Double
  let down: Double

  init(_ sigma: Double, _ next: Double) {
    let (s, n) = (sigma * sigma, next * next)
    up = max(n * (s - n) / s, 0).squareRoot()
    down = max(n - up * up, 0).squareRoot()
  }
}
