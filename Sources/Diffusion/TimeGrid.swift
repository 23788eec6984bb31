import Foundation

/// The training steps and σ that a run visits, in single precision where diffusers' tables are.
struct TimeGrid: Sendable {
  let noise: NoiseSchedule
  var spacing: Spacing
  var offset: Int
  let schedule: SigmaSchedule
  /// σ given by hand.
  var given: [Double]?
  var alignment = AlignedSteps.stableDiffusion

  private var count: Int { noise.count }

  /// `steps` training steps, the noisiest first; fractional where `spacing` is linspace.
  func timesteps(_ steps: Int) throws(SamplerError) -> [Double] {
    try spaced(steps).map { Double(Float($0)) }
  }

  /// The same before diffusers' σ samplers make them floats.
  private func spaced(_ steps: Int) throws(SamplerError) -> [Double] {
    try check(steps, most: count)
    return switch spacing {
    case .linspace: Self.linspace(0, Double(count - 1), steps).reversed()
    case .leading: (0..<steps).reversed().map { Double($0 * (count / steps) + offset) }
    case .trailing: trailing(steps)
    }
  }

  /// `timesteps`, whole and inside the table.
  func wholeTimesteps(_ steps: Int) throws(SamplerError) -> [Int] {
    try check(try spaced(steps).map { Int($0.rounded(.toNearestOrEven)) })
  }

  /// As the multistep solvers of the DPM family space them: the last of steps + 1 is left out.
  func multistepTimesteps(_ steps: Int) throws(SamplerError) -> [Int] {
    try check(steps, most: count - 1)
    return switch spacing {
    case .linspace:
      Self.linspace(0, Double(count - 1), steps + 1).dropFirst().reversed()
        .map { Int($0.rounded(.toNearestOrEven)) }
    case .leading: try check((1...steps).reversed().map { $0 * (count / (steps + 1)) + offset })
    case .trailing: trailing(steps).map { Int($0) }
    }
  }

  /// σ along Karras', the exponential or the beta curve from `first` to `last`.
  func curve(_ steps: Int, from first: Double, to last: Double) -> [Double] {
    let ramp = Self.linspace(0, 1, steps)
    switch schedule {
    case .karras:
      let (a, b) = (pow(first, 1 / 7), pow(last, 1 / 7))
      return ramp.map { pow(a + $0 * (b - a), 7) }
    case .betaSigmas: return ramp.map { last + Beta.symmetric(0.6).quantile(1 - $0) * (first - last) }
    default:
      let (a, b) = (log(first), log(last))
      return ramp.map { exp(a + $0 * (b - a)) }
    }
  }

  /// Always `steps` of them: where NumPy's arange rounds to one more (61, 103, 121, ...), the one at -1 is left out.
  private func trailing(_ steps: Int) -> [Double] {
    let start = Double(count)
    let step = (start - start / Double(steps)) - start
    return (0..<steps).map { (start + Double($0) * step).rounded(.toNearestOrEven) - 1 }
  }

  static func linspace(_ start: Double, _ end: Double, _ count: Int) -> [Double] {
    guard count > 1 else { return [start] }
    let step = (end - start) / Double(count - 1)
    return (0..<count).map { $0 == count - 1 ? end : start + Double($0) * step }
  }

  func check(_ steps: Int, most: Int) throws(SamplerError) {
    guard (1...most).contains(steps) else {
      throw .range(what: "steps", found: "\(steps)", expected: "1 to \(most), for the model was trained in \(count)")
    }
  }

  private func check(_ timesteps: [Int]) throws(SamplerError) -> [Int] {
    if let outside = timesteps.first(where: { !(0..<count).contains($0) }) {
      throw .range(
        what: "a training step (steps_offset is \(offset))", found: "\(outside)",
        expected: "0 to \(count - 1); take fewer steps")
    }
    return timesteps
  }
}
