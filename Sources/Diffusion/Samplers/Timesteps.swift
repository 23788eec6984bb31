import Foundation

/// The training steps that samplers visit, by diffusers' three rules (halves round to even).
enum Timesteps {
  /// - Parameters:
  ///   - steps: N.
  ///   - total: T, the number of training steps.
  ///   - offset: added under leading spacing.
  static func visited(_ spacing: Spacing, steps: Int, total: Int, offset: Int) -> [Double] {
    let (n, t) = (Double(steps), Double(total))
    switch spacing {
    case .leading: return (0..<steps).reversed().map { Double($0 * (total / steps) + offset) }
    case .trailing: return (0..<steps).map { (t - Double($0) * t / n).rounded(.toNearestOrEven) - 1 }
    case .linspace:
      guard steps > 1 else { return [0] }
      return (0..<steps).reversed().map { Double($0) * (t - 1) / (n - 1) }
    }
  }

  /// σ between training steps, linear in t.
  static func sigma(at t: Double, in sigmas: [Double]) -> Double {
    let low = min(max(Int(t), 0), sigmas.count - 1)
    let high = min(low + 1, sigmas.count - 1)
    return sigmas[low] + (sigmas[high] - sigmas[low]) * (t - Double(low))
  }

  /// t of a σ: linear in ln σ between its two neighbours, limited to the training steps.
  static func timestep(of sigma: Double, in sigmas: [Double]) -> Double {
    let high = min(max(sigmas.firstIndex { $0 > sigma } ?? sigmas.count, 1), sigmas.count - 1)
    let low = high - 1
    let weight = (log(sigmas[low]) - log(sigma)) / (log(sigmas[low]) - log(sigmas[high]))
    return Double(low) + min(max(weight, 0), 1)
  }

  /// `count` values of σ by a schedule that ignores the training steps.
  static func sigmas(_ schedule: SigmaSchedule, from largest: Double, to smallest: Double, count: Int) -> [Double] {
    (0..<count).map { i in
      let ramp = count > 1 ? Double(i) / Double(count - 1) : 0
      switch schedule {
      case .discrete: preconditionFailure("discrete σ come from the training steps")
      case .karras:
        let (a, b) = (pow(largest, 1 / 7), pow(smallest, 1 / 7))
        return pow(a + ramp * (b - a), 7)
      case .exponential: return exp(log(largest) + ramp * (log(smallest) - log(largest)))
      }
    }
  }
}

/// What every sampler is made from.
public struct SamplerOptions: Sendable {
  public var config: SchedulerConfig
  public var spacing: Spacing?
  public var sigmaSchedule: SigmaSchedule?
  /// DDIM's η: 0 is deterministic, 1 has DDPM's noise.
  public var eta = 0.0

  public init(config: SchedulerConfig) { self.config = config }

  var schedule: NoiseSchedule { config.schedule }
  var total: Int { config.schedule.alphaBars.count }
  var offset: Int { config.stepsOffset ?? 0 }

  /// The spacing asked for, else the checkpoint's, else the sampler's own default.
  func spacing(default own: Spacing) -> Spacing { spacing ?? config.spacing ?? own }
  var sigmas: SigmaSchedule { sigmaSchedule ?? config.sigmaSchedule ?? .discrete }

  func check(_ steps: Int) throws(SamplingError) {
    guard (1...total).contains(steps) else { throw .steps(steps, most: total) }
  }

  /// Training steps as integers, for samplers that step from t to t - T/N.
  func integerTimesteps(steps: Int, default own: Spacing) throws(SamplingError) -> [Int] {
    try check(steps)
    var visited = Timesteps.visited(spacing(default: own), steps: steps, total: total, offset: offset)
    if spacing(default: own) == .linspace { visited = visited.map { $0.rounded(.toNearestOrEven) } }
    return visited.map { min(Int($0), total - 1) }
  }

  var clip: Double? { config.clipSample == true ? config.clipSampleRange : nil }
}
