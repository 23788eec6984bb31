/// The plan of the samplers in σ: Euler, Heun, DPM2, LMS. Latents are x = x₀ + σ ε.
struct SigmaGrid: Sendable {
  let grid: TimeGrid
  /// Whether the steps told to the model are whole under Karras' schedule.
  let roundsKarras: Bool

  /// Timesteps, and one σ more: the last is 0.
  func nodes(_ steps: Int) throws(SamplerError) -> (timesteps: [Double], sigmas: [Double]) {
    if let list = try grid.list(steps) {
      return (list.map { grid.noise.timestep(ofSigma: $0) }, list.map { Double(Float($0)) } + [0])
    }
    var timesteps = try grid.timesteps(steps)
    var sigmas = timesteps.map { grid.noise.sigma(at: $0) }
    if grid.schedule != .discrete {
      sigmas = grid.curve(steps, from: sigmas[0], to: sigmas[steps - 1])
      timesteps = sigmas.map { grid.noise.timestep(ofSigma: $0) }
      if grid.schedule == .karras && roundsKarras { timesteps = timesteps.map { $0.rounded(.toNearestOrEven) } }
    }
    return (timesteps, sigmas.map { Double(Float($0)) } + [0])
  }

  /// What pure noise is multiplied by.
  func noiseScale(_ sigmas: [Double]) -> Double {
    grid.spacing == .leading ? (sigmas[0] * sigmas[0] + 1).squareRoot() : sigmas[0]
  }

  /// One call a step.
  func plan(_ steps: StepCount) throws(SamplerError) -> Plan {
    let (timesteps, sigmas) = try nodes(steps.total)
    let nodes = timesteps.indices.map { i in
      Plan.Node(timestep: timesteps[i], level: NoiseLevel(sigma: sigmas[i]), next: NoiseLevel(sigma: sigmas[i + 1]))
    }
    return Plan(nodes: nodes, first: steps.skipped, noiseScale: noiseScale(sigmas))
  }

  /// Two calls a step, at σ and at middle(σ, σ'), and one for the last, which steps to 0.
  func plan(
    _ steps: StepCount, middle: (_ from: Double, _ to: Double) -> NoiseLevel, middleTimestep: (Double, Double) -> Double
  ) throws(SamplerError) -> Plan {
    let (timesteps, sigmas) = try nodes(steps.total)
    var nodes: [Plan.Node] = []
    for i in timesteps.indices {
      let (from, to) = (NoiseLevel(sigma: sigmas[i]), NoiseLevel(sigma: sigmas[i + 1]))
      guard sigmas[i + 1] > 0 else {
        nodes.append(Plan.Node(timestep: timesteps[i], level: from, next: to))
        break
      }
      let half = middle(sigmas[i], sigmas[i + 1])
      nodes.append(Plan.Node(timestep: timesteps[i], level: from, next: half))
      let t = middleTimestep(half.sigma, timesteps[i + 1])
      nodes.append(Plan.Node(timestep: t, level: half, next: to, mark: to, beginsStep: false))
    }
    return Plan(nodes: nodes, first: 2 * steps.skipped, noiseScale: noiseScale(sigmas))
  }
}
