/// Linear multistep of order 4: the slopes' Lagrange polynomial, integrated from σ to σ' (exactly: Gauss–Legendre).
///
///     x' = x + Σₖ (∫ ℓₖ(τ) dτ) dₖ,  dₖ = (xₖ - x̂₀ₖ)/σₖ
///
/// Adams–Bashforth with unequal steps, in the form of k-diffusion. A run from noised latents takes the order of a full
/// run at that place though earlier slopes are missing, as diffusers does. Draws nothing.
public struct LMS: Sampler {
  public let prediction: Prediction
  private let sigmas: SigmaGrid

  public init(_ setup: SamplerSetup) throws(SamplerError) {
    try setup.refuseZeroTerminalSNR()
    prediction = setup.prediction
    sigmas = SigmaGrid(grid: try setup.grid(.linspace, curved: true), roundsKarras: false)
  }

  public func plan(_ steps: StepCount) throws(SamplerError) -> Plan { try sigmas.plan(steps) }

  public func next(_ step: Step, noise: inout Noise) -> Tensor {
    let order = min(step.index + 1, 4)
    let knots = (0..<order).map { step.plan.nodes[step.index - $0].level.sigma }
    let slopes = ([step.current] + step.past).prefix(order).map(\.slope)
    return slopes.enumerated().reduce(step.current.x) { x, slope in
      let weight = Self.integral(of: slope.offset, knots, from: step.node.level.sigma, to: step.node.next.sigma)
      return linear((1, x), (weight, slope.element))
    }
  }

  /// Two-point Gauss–Legendre, exact to the third degree.
  private static func integral(of k: Int, _ knots: [Double], from a: Double, to b: Double) -> Double {
    let (middle, half) = ((a + b) / 2, (b - a) / 2)
    let node = half / 3.0.squareRoot()
    return half * (lagrange(k, knots, middle - node) + lagrange(k, knots, middle + node))
  }

  private static func lagrange(_ k: Int, _ knots: [Double], _ tau: Double) -> Double {
    knots.indices.reduce(1) { $1 == k ? $0 : $0 * (tau - knots[$1]) / (knots[k] - knots[$1]) }
  }
}
