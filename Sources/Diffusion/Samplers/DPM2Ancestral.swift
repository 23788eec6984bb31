/// DPM-Solver-2 to below σ', and fresh noise up to it.
///
///     σₘ = √(σ σ↓),  xₘ = x + (σₘ-σ) (x - x̂₀)/σ,  x' = x + (σ↓-σ) (xₘ - x̂₀ₘ)/σₘ + σ↑ n
///
/// σ↑ and σ↓ as in `EulerAncestral`; with them σₘ = σ'. Lu et al. 2022, arXiv:2206.00927, in the form of k-diffusion.
/// N steps are 2N - 1 calls. Draws: n at every second call.
public struct DPM2Ancestral: Sampler {
  public let prediction: Prediction
  private let sigmas: SigmaGrid

  public init(_ setup: SamplerSetup) throws(SamplerError) {
    try setup.refuseZeroTerminalSNR()
    prediction = setup.prediction
    sigmas = SigmaGrid(grid: try setup.grid(.linspace, curved: true), roundsKarras: true)
  }

  public func plan(_ steps: StepCount) throws(SamplerError) -> Plan {
    let noise = sigmas.grid.noise
    return try sigmas.plan(
      steps, middle: { NoiseLevel(sigma: ($0 * AncestralSplit($0, $1).down).squareRoot()) },
      middleTimestep: { sigma, _ in noise.timestep(ofSigma: sigma) })
  }

  public func next(_ step: Step, noise: inout Noise) -> Tensor {
    guard !step.node.beginsStep else {
      return linear((1, step.current.x), (step.node.next.sigma - step.node.level.sigma, step.current.slope))
    }
    let from = step.past[0]
    let split = AncestralSplit(from.level.sigma, step.node.next.sigma)
    let n = noise(from.x.shape)
    return linear((1, from.x), (split.down - from.level.sigma, step.current.slope), (split.up, n))
  }
}
