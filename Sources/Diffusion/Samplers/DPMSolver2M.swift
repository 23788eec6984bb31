import Foundation

/// DPM-Solver++(2M): second order, one call a step, midpoint form.
///
///     h = λ' - λ,  r = h₋₁/h,  D = x̂₀ + (x̂₀ - x̂₀₋₁)/2r
///     x' = (σ'/σ) x - α' (e⁻ʰ - 1) D
///
/// Lu et al. 2022, arXiv:2211.01095, algorithm 2; first order at the first and the last call. Draws nothing.
public struct DPMSolver2M: Sampler {
  public let prediction: Prediction
  private let lambdas: LambdaGrid

  public init(_ setup: SamplerSetup) throws(SamplerError) {
    prediction = setup.prediction
    lambdas = LambdaGrid(
      grid: try setup.grid(.linspace, curved: true),
      truncatesKarras: setup.config.betaSchedule == BetaSchedule.squaredCosine.rawValue)
  }

  public func plan(_ steps: StepCount) throws(SamplerError) -> Plan { try lambdas.plan(steps) }

  public func next(_ step: Step, noise: inout Noise) -> Tensor {
    let (level, next) = (step.node.level, step.node.next)
    let h = next.lambda - level.lambda
    return linear(
      (next.noise / level.noise, step.current.x), (-next.signal * expm1(-h), Self.secondOrder(step, h)))
  }

  /// D: the clean latents extrapolated to the middle of the step.
  static func secondOrder(_ step: Step, _ h: Double) -> Tensor {
    guard let before = step.past.first, !step.isLast else { return step.x0 }
    let r = (step.node.level.lambda - before.level.lambda) / h
    return linear((1 + 1 / (2 * r), step.x0), (-1 / (2 * r), before.x0))
  }
}
