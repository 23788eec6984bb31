/// Heun's method in σ: Euler's step, then again with the mean of the slopes at both ends; Euler's alone to σ' = 0.
/// Karras et al. 2022, arXiv 2206.00364, alg. 1 without added noise. Two calls a step. Draws nothing.
public struct Heun: Sampler {
  let options: SamplerOptions

  public init(_ options: SamplerOptions) { self.options = options }

  public func plan(steps: Int) throws -> Plan {
    try options.refuseZeroSNR("heun")
    let (timesteps, levels) = try options.sigmaLevels(steps: steps)
    var nodes: [Node] = []
    for i in timesteps.indices {
      nodes.append(Node(timestep: timesteps[i], level: levels[i], next: levels[i + 1]))
      guard i + 1 < timesteps.count else { break }
      nodes.append(Node(timestep: timesteps[i + 1], level: levels[i + 1], next: levels[i + 1], stage: 1))
    }
    return Plan(
      convention: .varianceExploding, nodes: nodes, initialScale: options.initialScale(levels[0]), callsPerStep: 2)
  }

  public func step(_ x: Tensor, _ step: Step, noise: inout Noise) -> Tensor {
    guard step.node.stage == 1, let first = step.history.first else {
      return x + Float(step.node.next.sigma - step.node.level.sigma) * step.estimate.slope
    }
    let mean = 0.5 * (first.slope + step.estimate.slope)
    return first.x + Float(first.node.next.sigma - first.node.level.sigma) * mean
  }
}
