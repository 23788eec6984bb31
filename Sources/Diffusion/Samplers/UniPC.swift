import Foundation

/// UniPC of order 2 with B(h) = eʰ - 1 (bh2): a predictor, and a corrector that reuses the next call's answer.
///
///     h = λ' - λ,  rₖ = (λ₋ₖ - λ)/h,  Dₖ = (x̂₀₋ₖ - x̂₀)/rₖ
///     x' = (σ'/σ) x - α' (e⁻ʰ - 1) (x̂₀ + Σ ρₖ Dₖ)
///
/// Zhao et al. 2023, arXiv:2302.04867, algorithms 5 and 6. First order at the first and the last step. Draws nothing.
public struct UniPC: Sampler {
  public let prediction: Prediction
  private let lambdas: LambdaGrid

  public init(_ setup: SamplerSetup) throws(SamplerError) {
    prediction = setup.prediction
    lambdas = LambdaGrid(grid: try setup.grid(.linspace, curved: true), truncatesKarras: false)
  }

  public func plan(_ steps: StepCount) throws(SamplerError) -> Plan { try lambdas.plan(steps) }

  /// Order at call `index`, `done` calls after the run's first.
  private func order(_ index: Int, _ done: Int, _ plan: Plan) -> Int { min(2, plan.nodes.count - index, done + 1) }

  public func correct(_ step: Step) -> Tensor {
    guard let last = step.past.first else { return step.current.x }
    let (from, to) = (last.level, step.current.level)
    let h = to.lambda - from.lambda
    let change = linear((1, step.x0), (-1, last.x0))
    guard order(step.index - 1, step.done - 1, step.plan) == 2 else {
      return advance(last, to, h, linear((1, last.x0), (0.5, change)))
    }
    let before = step.past[1]
    let r = (before.level.lambda - from.lambda) / h
    // ρ solves [1 1; r 1] ρ = [b₁ b₂].
    let phi1 = expm1(-h)
    let phi2 = phi1 / -h - 1
    let phi3 = phi2 / -h - 0.5
    let (b1, b2) = (phi2 / phi1, 2 * phi3 / phi1)
    let rho1 = (b2 - b1) / (r - 1)
    return advance(
      last, to, h, linear((1 - rho1 / r, last.x0), (rho1 / r, before.x0), (b1 - rho1, change)))
  }

  public func next(_ step: Step, noise: inout Noise) -> Tensor {
    let h = step.node.next.lambda - step.node.level.lambda
    var d = step.x0
    if order(step.index, step.done, step.plan) == 2 {
      let r = (step.past[0].level.lambda - step.node.level.lambda) / h
      d = linear((1 - 0.5 / r, step.x0), (0.5 / r, step.past[0].x0))
    }
    return advance(step.current, step.node.next, h, d)
  }

  private func advance(_ from: Estimate, _ to: NoiseLevel, _ h: Double, _ d: Tensor) -> Tensor {
    linear((to.noise / from.level.noise, from.x), (-to.signal * expm1(-h), d))
  }
}
