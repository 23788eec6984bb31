import Foundation

/// SDE-DPM-Solver++(2M): as `DPMSolver2M`, for the reverse stochastic equation.
///
///     x' = (σ'/σ) e⁻ʰ x + α' (1 - e⁻²ʰ) D + σ' √(1 - e⁻²ʰ) n
///
/// Lu et al. 2022, arXiv:2211.01095, appendix E.2. Draws: n at every call, also the last (σ' = 0).
public struct DPMSolver2MSDE: Sampler {
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
    let share = -expm1(-2 * h)
    return linear(
      (next.noise / level.noise * exp(-h), step.current.x),
      (next.signal * share, DPMSolver2M.secondOrder(step, h)),
      (next.noise * share.squareRoot(), noise(step.current.x.shape)))
  }
}
