/// Trajectory consistency distillation: a jump to a step s below the next one, noised again up to it.
///
///     s  = ⌊(1-γ) t'⌋,  xₛ = √ᾱₛ x̂₀ + √(1-ᾱₛ) ε
///     x' = √(ᾱ'/ᾱₛ) xₛ + √(1-ᾱ'/ᾱₛ) n;   the last call, at t' = 0, adds no noise
///
/// Zheng et al. 2024, arXiv:2402.19159, algorithm 2; γ is `eta`, 0.3 by default as in diffusers. Draws: n at every call but
/// the last; none at γ = 0.
public struct TCD: Sampler {
  public let prediction: Prediction
  private let noiseSchedule: NoiseSchedule
  private let distilled: DistilledSteps
  private let gamma: Double

  public init(_ setup: SamplerSetup) throws(SamplerError) {
    prediction = setup.prediction
    // Asked for to refuse the schedules that it cannot follow.
    noiseSchedule = try setup.grid(.leading, curved: false).noise
    distilled = try DistilledSteps(setup)
    gamma = setup.options.eta ?? 0.3
    guard (0...1).contains(gamma) else { throw .range(what: "eta", found: "\(gamma)", expected: "0 to 1") }
  }

  public func plan(_ steps: StepCount) throws(SamplerError) -> Plan {
    let timesteps = try distilled.timesteps(steps.total)
    let nodes = timesteps.indices.map { i in
      let next = i + 1 < timesteps.count ? timesteps[i + 1] : 0
      return Plan.Node(
        timestep: Double(timesteps[i]), level: noiseSchedule.level(at: timesteps[i]),
        next: noiseSchedule.level(at: next))
    }
    return Plan(nodes: nodes, first: steps.skipped)
  }

  public func next(_ step: Step, noise: inout Noise) -> Tensor {
    let following = step.isLast ? 0 : step.plan.nodes[step.index + 1].timestep
    let jump = noiseSchedule.level(at: Int((1 - gamma) * following))
    let x = linear((jump.signal, step.x0), (jump.noise, step.current.epsilon))
    guard gamma > 0, !step.isLast else { return x }
    let kept = step.node.next.alphaBar / jump.alphaBar
    return linear((kept.squareRoot(), x), (max(1 - kept, 0).squareRoot(), noise(x.shape)))
  }
}
