extension SamplerOptions {
  /// The levels σ₀ > σ₁ > … > σ_N = 0 of k-diffusion's samplers, with the timesteps the network is told.
  func sigmaLevels(steps: Int) throws(SamplingError) -> (timesteps: [Double], levels: [NoiseLevel]) {
    try check(steps)
    let training = schedule.sigmas
    var timesteps: [Double]
    var sigmas: [Double]
    if self.sigmas == .discrete {
      timesteps = Timesteps.visited(spacing(default: .linspace), steps: steps, total: total, offset: offset)
      sigmas = timesteps.map { Timesteps.sigma(at: $0, in: training) }
    } else {
      sigmas = Timesteps.sigmas(self.sigmas, from: training[total - 1], to: training[0], count: steps)
      timesteps = sigmas.map { Timesteps.timestep(of: $0, in: training) }
    }
    sigmas.append(0)
    return (timesteps, sigmas.map(NoiseLevel.init(sigma:)))
  }

  /// Deviation of the start noise: the largest σ, or under leading spacing that of signal and noise together.
  func initialScale(_ largest: NoiseLevel) -> Double {
    spacing(default: .linspace) == .leading
      ? (largest.sigma * largest.sigma + 1).squareRoot() : largest.sigma
  }

  /// A plan of one call a step.
  func sigmaPlan(steps: Int) throws(SamplingError) -> Plan {
    let (timesteps, levels) = try sigmaLevels(steps: steps)
    let nodes = timesteps.indices.map { Node(timestep: timesteps[$0], level: levels[$0], next: levels[$0 + 1]) }
    return Plan(convention: .varianceExploding, nodes: nodes, initialScale: initialScale(levels[0]))
  }

  /// For samplers whose class ignores a zero terminal signal-to-noise ratio in diffusers.
  func refuseZeroSNR(_ name: String) throws(SamplingError) {
    guard !config.zeroTerminalSNR else { throw .unsuited(sampler: name, why: "it has no step from zero signal") }
  }
}

extension Step {
  /// dx/dσ = (x - x̂₀)/σ (Karras et al. 2022, arXiv 2206.00364, eq. 3).
  var slope: Tensor { (estimate.x - x0) / Float(node.level.sigma) }
}

extension Estimate {
  var slope: Tensor { (x - x0) / Float(node.level.sigma) }
}
