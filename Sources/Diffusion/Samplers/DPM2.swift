/// DPM-Solver-2 in σ: the slope at the geometric mean of σ and σ' makes the whole step. The step to σ' = 0 is Euler's.
///
///     σₘ = √(σ σ'),  xₘ = x + (σₘ-σ) (x - x̂₀)/σ,  x' = x + (σ'-σ) (xₘ - x̂₀ₘ)/σₘ
///
/// Lu et al. 2022, arXiv:2206.00927, algorithm 1, in the form of k-diffusion. N steps are 2N - 1 calls. Draws nothing.
public struct DPM2: Sampler {
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
      steps, middle: { NoiseLevel(sigma: ($0 * $1).squareRoot()) },
      middleTimestep: { sigma, _ in noise.timestep(ofSigma: sigma) })
  }

  public func next(_ step: Step, noise: inout Noise) -> Tensor {
    let from = step.node.beginsStep ? step.current : step.past[0]
    return linear((1, from.x), (step.node.next.sigma - from.level.sigma, step.current.slope))
  }
}
