/// DDIM, deterministic at η = 0.
///
///     s  = η √((1-ᾱ')/(1-ᾱ) (1 - ᾱ/ᾱ'))
///     x' = √ᾱ' x̂₀ + √(1-ᾱ'-s²) ε + s n
///
/// Song et al. 2021, arXiv:2010.02502, eq. 12 and 16. Draws: n at every call when η > 0, else none.
public struct DDIM: Sampler {
  public let prediction: Prediction
  public var history: Int { 0 }
  private let table: AlphaBarGrid
  private let eta: Double

  public init(_ setup: SamplerSetup) throws(SamplerError) {
    prediction = setup.prediction
    table = try AlphaBarGrid(setup, alphaToOne: true, clips: true)
    eta = setup.options.eta ?? 0
    guard (0...1).contains(eta) else { throw .range(what: "eta", found: "\(eta)", expected: "0 to 1") }
  }

  public func plan(_ steps: StepCount) throws(SamplerError) -> Plan {
    Plan(nodes: try table.nodes(steps.total), first: steps.skipped)
  }

  public func refine(_ x0: Tensor) -> Tensor { table.refine(x0) }

  public func next(_ step: Step, noise: inout Noise) -> Tensor {
    let (a, p) = (step.node.level.alphaBar, step.node.next.alphaBar)
    let s = eta * max((1 - p) / (1 - a) * (1 - a / p), 0).squareRoot()
    let x = linear((p.squareRoot(), step.x0), (max(1 - p - s * s, 0).squareRoot(), step.current.epsilon))
    return eta > 0 ? linear((1, x), (s, noise(x.shape))) : x
  }
}
