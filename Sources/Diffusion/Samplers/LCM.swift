/// Latent consistency models: a jump to the clean latents, noised again to the next step.
///
///     c_skip = .25/((10t)²+.25),  c_out = 10t/√((10t)²+.25)
///     x' = √ᾱ' (c_out x̂₀ + c_skip x) + √(1-ᾱ') n;   the last call adds no noise
///
/// Luo et al. 2023, arXiv:2310.04378, algorithm 1. Draws: n at every call but the last.
public struct LCM: Sampler {
  public let prediction: Prediction
  private let table: AlphaBarGrid
  /// Steps of the schedule by which the model was distilled.
  private let original: Int

  public init(_ setup: SamplerSetup) throws(SamplerError) {
    prediction = setup.prediction
    table = try AlphaBarGrid(setup, alphaToOne: true, clips: false)
    original = setup.config.originalInferenceSteps ?? 50
    guard (1...setup.noise.count).contains(original) else {
      throw .range(what: "original_inference_steps", found: "\(original)", expected: "1 to \(setup.noise.count)")
    }
  }

  public func plan(_ steps: StepCount) throws(SamplerError) -> Plan {
    guard steps.total <= original else {
      throw .range(what: "steps", found: "\(steps.total)", expected: "at most \(original) for lcm")
    }
    let stride = table.grid.noise.count / original
    let timesteps = (0..<steps.total).map { i in
      let skipped = Int(Double(i) * (Double(original) / Double(steps.total)))
      return (original - skipped) * stride - 1
    }
    let levels = timesteps.map { table.grid.noise.level(at: $0) } + [.clean]
    let nodes = timesteps.indices.map { i in
      Plan.Node(timestep: Double(timesteps[i]), level: levels[i], next: levels[i + 1])
    }
    return Plan(nodes: nodes, first: steps.skipped)
  }

  public func refine(_ x0: Tensor) -> Tensor { table.refine(x0) }

  public func next(_ step: Step, noise: inout Noise) -> Tensor {
    let t = 10 * step.node.timestep
    let denoised = linear(
      (t / (t * t + 0.25).squareRoot(), step.x0), (0.25 / (t * t + 0.25), step.current.x))
    return step.isLast ? denoised : step.node.next.noised(denoised, with: noise(denoised.shape))
  }
}
