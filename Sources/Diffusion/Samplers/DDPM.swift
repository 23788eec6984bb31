/// DDPM: ancestral sampling from the posterior, its variance the small one.
///
///     β  = 1 - ᾱ/ᾱ'
///     x' = √ᾱ' β/(1-ᾱ) x̂₀ + √(ᾱ/ᾱ') (1-ᾱ')/(1-ᾱ) x + √((1-ᾱ')/(1-ᾱ) β) n
///
/// Ho et al. 2020, arXiv:2006.11239, eq. 6 and 7. Draws: n at every call at a training step above 0.
public struct DDPM: Sampler {
  public let prediction: Prediction
  public var history: Int { 0 }
  private let table: AlphaBarGrid

  public init(_ setup: SamplerSetup) throws(SamplerError) {
    prediction = setup.prediction
    table = try AlphaBarGrid(setup, alphaToOne: true, clips: true)
  }

  public func plan(_ steps: StepCount) throws(SamplerError) -> Plan {
    let timesteps = try table.grid.wholeTimesteps(steps.total)
    let levels = timesteps.map { table.grid.noise.level(at: $0) } + [.clean]
    let nodes = timesteps.indices.map { i in
      Plan.Node(timestep: Double(timesteps[i]), level: levels[i], next: levels[i + 1])
    }
    return Plan(nodes: nodes, first: steps.skipped)
  }

  public func refine(_ x0: Tensor) -> Tensor { table.refine(x0) }

  public func next(_ step: Step, noise: inout Noise) -> Tensor {
    let (a, p) = (step.node.level.alphaBar, step.node.next.alphaBar)
    let beta = 1 - a / p
    let x = linear(
      (p.squareRoot() * beta / (1 - a), step.x0), ((a / p).squareRoot() * (1 - p) / (1 - a), step.current.x))
    guard step.node.timestep > 0 else { return x }
    let variance = max((1 - p) / (1 - a) * beta, 1e-20)
    return linear((1, x), (variance.squareRoot(), noise(x.shape)))
  }
}
