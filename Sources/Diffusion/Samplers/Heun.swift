/// Heun's method: a step by Euler, then again with the mean of the slopes at both ends. The step to σ' = 0 is Euler's.
///
///     d = (x - x̂₀)/σ,  d' = (x' - x̂₀')/σ',  x' = x + (σ'-σ) (d + d')/2
///
/// Karras et al. 2022, arXiv:2206.00364, algorithm 1. N steps are 2N - 1 calls. Draws nothing.
public struct Heun: Sampler {
  public let prediction: Prediction
  private let sigmas: SigmaGrid
  private let clip: Float?

  public init(_ setup: SamplerSetup) throws(SamplerError) {
    try setup.refuseZeroTerminalSNR()
    prediction = setup.prediction
    sigmas = SigmaGrid(grid: try setup.grid(.linspace, curved: true), roundsKarras: false)
    clip = try AlphaBarGrid.clip(setup, standard: false)
  }

  public func plan(_ steps: StepCount) throws(SamplerError) -> Plan {
    try sigmas.plan(steps, middle: { NoiseLevel(sigma: $1) }, middleTimestep: { $1 })
  }

  public func refine(_ x0: Tensor) -> Tensor { clip.map { x0.clamped(to: -$0...$0) } ?? x0 }

  public func next(_ step: Step, noise: inout Noise) -> Tensor {
    guard !step.node.beginsStep else {
      return linear((1, step.current.x), (step.node.next.sigma - step.node.level.sigma, step.current.slope))
    }
    let before = step.past[0]
    let h = step.node.level.sigma - before.level.sigma
    return linear((1, before.x), (h / 2, before.slope), (h / 2, step.current.slope))
  }
}
