/// Euler's method on dx/dσ = (x - x̂₀)/σ.
///
///     x' = x + (σ'-σ) (x - x̂₀)/σ
///
/// Karras et al. 2022, arXiv:2206.00364, algorithm 2 without churn. Draws nothing.
public struct Euler: Sampler {
  public let prediction: Prediction
  public var history: Int { 0 }
  private let sigmas: SigmaGrid

  public init(_ setup: SamplerSetup) throws(SamplerError) {
    prediction = setup.prediction
    sigmas = SigmaGrid(grid: try setup.grid(.linspace, curved: true), roundsKarras: false)
  }

  public func plan(_ steps: StepCount) throws(SamplerError) -> Plan { try sigmas.plan(steps) }

  public func next(_ step: Step, noise: inout Noise) -> Tensor {
    linear((1, step.current.x), (step.node.next.sigma - step.node.level.sigma, step.current.slope))
  }
}
