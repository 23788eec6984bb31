/// Ancestral sampling of the training process.
///
///     x' = √ᾱ' β/(1 - ᾱ) x̂₀ + √α (1 - ᾱ')/(1 - ᾱ) x + √((1 - ᾱ')/(1 - ᾱ) β) n,   α = ᾱ/ᾱ', β = 1 - α
///
/// Ho et al. 2020, arXiv 2006.11239, eq. 7. Draws one tensor a call, except at t = 0.
public struct DDPM: Sampler {
  let options: SamplerOptions

  public init(_ options: SamplerOptions) { self.options = options }

  public func plan(steps: Int) throws -> Plan {
    let nodes = try options.integerTimesteps(steps: steps, default: .leading).map { t in
      Node(
        timestep: Double(t), level: options.schedule.level(t), next: options.schedule.level(t - options.total / steps))
    }
    return Plan(convention: .variancePreserving, nodes: nodes, clip: options.clip)
  }

  public func step(_ x: Tensor, _ step: Step, noise: inout Noise) -> Tensor {
    let (a, p) = (step.node.level.alphaBar, step.node.next.alphaBar)
    let alpha = a / p
    let clean = Float(p.squareRoot() * (1 - alpha) / (1 - a))
    let kept = Float(alpha.squareRoot() * (1 - p) / (1 - a))
    let mean = clean * step.x0 + kept * x
    guard step.node.timestep > 0 else { return mean }
    return mean + Float(max((1 - p) / (1 - a) * (1 - alpha), 1e-20).squareRoot()) * noise(x.shape)
  }
}
