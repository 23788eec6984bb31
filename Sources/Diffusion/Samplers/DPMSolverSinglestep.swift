import Foundation

/// DPM-Solver++ SDE, singlestep of order 2: steps in pairs, the second redoing both from where the first began.
///
///     first:   x' = (σ'/σ) e⁻ʰ x + α' (1 - e⁻²ʰ) x̂₀ + σ' √(1 - e⁻²ʰ) n
///     second:  h = λ' - λ₋₁,  r = (λ - λ₋₁)/h,  D = x̂₀₋₁ + (x̂₀ - x̂₀₋₁)/2r
///              x' = (σ'/σ₋₁) e⁻ʰ x₋₁ + α' (1 - e⁻²ʰ) D + σ' √(1 - e⁻²ʰ) n
///
/// Lu et al. 2022, arXiv:2211.01095, algorithm 1 and appendix E. The reference is diffusers'
/// DPMSolverSinglestepScheduler with algorithm_type sde-dpmsolver++; k-diffusion's sampler of the same name draws from a
/// Brownian tree and gives other pictures. `stochastic: false` is the deterministic solver (dpmsolver++), taken where the
/// model's own config names that class without an SDE. Always linspace. Draws: n at every call, also the last (σ' = 0); none if deterministic.
public struct DPMSolverSinglestep: Sampler {
  public let prediction: Prediction
  private let lambdas: LambdaGrid
  private let stochastic: Bool

  public init(_ setup: SamplerSetup, stochastic: Bool) throws(SamplerError) {
    try setup.refuseZeroTerminalSNR()
    if let asked = setup.options.spacing, asked != .linspace {
      throw .unsupported(sampler: setup.name, what: "\(asked.rawValue) spacing", instead: "it is always linspace")
    }
    prediction = setup.prediction
    self.stochastic = stochastic
    var grid = try setup.grid(.linspace, curved: true)
    (grid.spacing, grid.offset) = (.linspace, 0)
    lambdas = LambdaGrid(grid: grid, truncatesKarras: false)
  }

  public func plan(_ steps: StepCount) throws(SamplerError) -> Plan { try lambdas.plan(steps) }

  public func next(_ step: Step, noise: inout Noise) -> Tensor {
    let next = step.node.next
    let before = isSecond(step) ? step.past.first : nil
    let from = before ?? step.current
    let h = next.lambda - from.level.lambda
    var d = step.x0
    if let before {
      let r = (step.node.level.lambda - before.level.lambda) / h
      d = linear((1 - 1 / (2 * r), before.x0), (1 / (2 * r), step.x0))
    }
    let ratio = next.noise / from.level.noise
    guard stochastic else { return linear((ratio, from.x), (-next.signal * expm1(-h), d)) }
    let share = -expm1(-2 * h)
    return linear(
      (ratio * exp(-h), from.x), (next.signal * share, d),
      (next.noise * share.squareRoot(), noise(from.x.shape)))
  }

  /// Odd calls end a pair, but for the last of the run.
  private func isSecond(_ step: Step) -> Bool { step.index % 2 == 1 && !step.isLast }
}
