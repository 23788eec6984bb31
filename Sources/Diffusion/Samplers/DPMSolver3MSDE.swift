import Foundation

/// SDE-DPM-Solver++(3M): third order, one call a step, for the reverse stochastic equation.
///
///     h = λ' - λ,  η = 2h,  φ₂ = (e^-η - 1)/η + 1,  φ₃ = φ₂/η - 1/2
///     x' = (σ'/σ) e⁻ʰ x + α' ((1 - e^-η) x̂₀ + φ₂ D₁ - φ₃ D₂) + σ' √(1 - e^-η) n
///
/// D₁ and D₂ are the first and second divided differences of x̂₀ in λ/h. The family is Lu et al. 2022, arXiv:2211.01095; this
/// member is k-diffusion's (diffusers' of the same order has the sign of ½ in φ₃ turned). Its order grows from 1 over the
/// first calls; the last call gives x̂₀. Draws: n at every call but the last, where k-diffusion asks its Brownian tree.
public struct DPMSolver3MSDE: Sampler {
  public let prediction: Prediction
  private let lambdas: LambdaGrid

  public init(_ setup: SamplerSetup) throws(SamplerError) {
    prediction = setup.prediction
    lambdas = LambdaGrid(grid: try setup.grid(.linspace, curved: true), truncatesKarras: false)
  }

  public func plan(_ steps: StepCount) throws(SamplerError) -> Plan { try lambdas.plan(steps) }

  public func next(_ step: Step, noise: inout Noise) -> Tensor {
    guard !step.isLast else { return step.x0 }
    let (level, next) = (step.node.level, step.node.next)
    let h = next.lambda - level.lambda
    let share = -expm1(-2 * h)
    let phi2 = 1 - share / (2 * h)
    var x = linear(
      (next.noise / level.noise * exp(-h), step.current.x), (next.signal * share, step.x0),
      (next.noise * share.squareRoot(), noise(step.current.x.shape)))
    guard let first = step.past.first else { return x }
    let r0 = (level.lambda - first.level.lambda) / h
    var d1 = linear((1 / r0, step.x0), (-1 / r0, first.x0))
    if step.past.count > 1 {
      let second = step.past[1]
      let r1 = (first.level.lambda - second.level.lambda) / h
      let change = linear((1, d1), (-1 / r1, first.x0), (1 / r1, second.x0))
      x = linear((1, x), (-next.signal * (phi2 / (2 * h) - 0.5) / (r0 + r1), change))
      d1 = linear((1, d1), (r0 / (r0 + r1), change))
    }
    return linear((1, x), (next.signal * phi2, d1))
  }
}
