import Foundation

/// DPM-Solver-2: Euler's step to the geometric mean of σ and σ', then from σ with the slope found there.
/// Lu et al. 2022, arXiv 2206.00927, alg. 1 as Karras et al. (alg. 2, S_churn = 0) have it. Two calls a step, one to
/// σ' = 0. Draws nothing.
public struct DPM2: Sampler {
  let options: SamplerOptions

  public init(_ options: SamplerOptions) { self.options = options }

  public func plan(steps: Int) throws -> Plan {
    try options.refuseZeroSNR("dpm2")
    let (timesteps, levels) = try options.sigmaLevels(steps: steps)
    let training = options.schedule.sigmas
    var nodes: [Node] = []
    for i in timesteps.indices {
      let last = i + 1 == timesteps.count
      let middle = last ? levels[i + 1] : NoiseLevel(sigma: (levels[i].sigma * levels[i + 1].sigma).squareRoot())
      nodes.append(Node(timestep: timesteps[i], level: levels[i], next: middle))
      guard !last else { break }
      let t = Timesteps.timestep(of: middle.sigma, in: training)
      nodes.append(Node(timestep: t, level: middle, next: levels[i + 1], stage: 1))
    }
    return Plan(
      convention: .varianceExploding, nodes: nodes, initialScale: options.initialScale(levels[0]), callsPerStep: 2)
  }

  public func step(_ x: Tensor, _ step: Step, noise: inout Noise) -> Tensor {
    let from = step.node.stage == 1 ? step.history.first ?? step.estimate : step.estimate
    return from.x + Float(step.node.next.sigma - from.node.level.sigma) * step.estimate.slope
  }
}

/// DPM-Solver-2 to σ↓, then fresh noise up to σ'. The geometric mean of σ and σ↓ = σ'²/σ is σ' itself, so both calls of
/// a step are at training steps of the plan. Draws one tensor at each second call.
public struct DPM2Ancestral: Sampler {
  let options: SamplerOptions

  public init(_ options: SamplerOptions) { self.options = options }

  public func plan(steps: Int) throws -> Plan {
    try options.refuseZeroSNR("dpm2-a")
    return try Heun(options).plan(steps: steps)
  }

  public func step(_ x: Tensor, _ step: Step, noise: inout Noise) -> Tensor {
    guard step.node.stage == 1, let first = step.history.first else {
      return x + Float(step.node.next.sigma - step.node.level.sigma) * step.estimate.slope
    }
    let sigma = first.node.level.sigma
    let split = AncestralSplit(from: sigma, to: first.node.next.sigma)
    return first.x + Float(split.down - sigma) * step.estimate.slope + Float(split.up) * noise(x.shape)
  }
}
