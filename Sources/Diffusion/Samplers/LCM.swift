/// Latent consistency models: a jump to the clean latents, noised again to the next step.
///
///     c_skip = .25/((10t)²+.25),  c_out = 10t/√((10t)²+.25)
///     x' = √ᾱ' (c_out x̂₀ + c_skip x) + √(1-ᾱ') n;   the last call adds no noise
///
/// Luo et al. 2023, arXiv:2310.04378, algorithm 1. Draws: n at every call but the last.
public struct LCM: Sampler {
  public let prediction: Prediction
  private let table: AlphaBarGrid
  private let distilled: DistilledSteps
  private let shortensSchedule: Bool

  public init(_ setup: SamplerSetup) throws(SamplerError) {
    (prediction, shortensSchedule) = (setup.prediction, setup.options.shortensSchedule)
    table = try AlphaBarGrid(setup, alphaToOne: true, clips: false)
    distilled = try DistilledSteps(setup)
  }

  public func count(_ steps: Int, strength: Double, exact: Bool) throws(SamplerError) -> StepCount {
    var count = try StepCount(steps, strength: strength, exact: exact)
    guard shortensSchedule, !exact, strength > 0 else { return count }
    count = try StepCount(steps)
    count.share = strength
    return count
  }

  public func plan(_ steps: StepCount) throws(SamplerError) -> Plan {
    let timesteps = try distilled.timesteps(steps.total, share: steps.share)
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

/// Steps of the schedule by which a model was distilled: LCM's and TCD's.
struct DistilledSteps: Sendable {
  /// How many there are.
  private let original: Int
  /// Training steps of the teacher.
  private let training: Int
  private let name: String

  init(_ setup: SamplerSetup) throws(SamplerError) {
    original = setup.config.originalInferenceSteps ?? 50
    (training, name) = (setup.noise.count, setup.name)
    guard (1...training).contains(original) else {
      throw .range(what: "original_inference_steps", found: "\(original)", expected: "1 to \(training)")
    }
  }

  /// `steps` of a share of them, the cleanest, evenly spaced by index, the noisiest first.
  func timesteps(_ steps: Int, share: Double = 1) throws(SamplerError) -> [Int] {
    let stride = training / original
    let original = Int(Double(original) * share)
    guard steps <= original else {
      throw .range(what: "steps", found: "\(steps)", expected: "at most \(original) for \(name)")
    }
    return (0..<steps).map { i in
      (original - Int(Double(i) * (Double(original) / Double(steps)))) * stride - 1
    }
  }
}
