import Foundation

/// DEIS (log ρ), second order: ε extrapolated linearly in ln ρ and integrated exactly, ρ = σ/α.
///
///     x' = α' (x/α + Σ cₖ εₖ),  c₀ = I(ρ'; ρ, ρ₋₁) - I(ρ; ρ, ρ₋₁),  c₁ = I(ρ'; ρ₋₁, ρ) - I(ρ; ρ₋₁, ρ)
///     I(t; b, c) = t (ln t - ln c - 1)/(ln b - ln c)
///
/// Zhang & Chen 2022, arXiv:2204.13902, eq. 15, in the form of diffusers: first order at the first call, and at the last of
/// fewer than 15; it ends at the cleanest training step, not at clean latents. Draws nothing.
public struct DEIS: Sampler {
  public let prediction: Prediction
  private let lambdas: LambdaGrid

  public init(_ setup: SamplerSetup) throws(SamplerError) {
    try setup.refuseZeroTerminalSNR()
    prediction = setup.prediction
    lambdas = LambdaGrid(grid: try setup.grid(.linspace, curved: true), truncatesKarras: false, endsNoisy: true)
  }

  public func plan(_ steps: StepCount) throws(SamplerError) -> Plan { try lambdas.plan(steps) }

  public func next(_ step: Step, noise: inout Noise) -> Tensor {
    let (level, next) = (step.node.level, step.node.next)
    let (rho, target) = (level.sigma, next.sigma)
    let isShort = step.plan.nodes.count < 15
    guard let before = step.past.first, !(step.isLast && isShort) else {
      return linear((next.signal / level.signal, step.current.x), (next.signal * (target - rho), step.current.epsilon))
    }
    let past = before.level.sigma
    func integral(_ b: Double, _ c: Double) -> Double {
      func antiderivative(_ t: Double) -> Double { t * (log(t) - log(c) - 1) / (log(b) - log(c)) }
      return antiderivative(target) - antiderivative(rho)
    }
    return linear(
      (next.signal / level.signal, step.current.x), (next.signal * integral(rho, past), step.current.epsilon),
      (next.signal * integral(past, rho), before.epsilon))
  }
}
