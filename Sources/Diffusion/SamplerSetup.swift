/// A model's config and a user's options, read by a sampler that knows its own defaults.
public struct SamplerSetup: Sendable {
  public let name: String
  public let noise: NoiseSchedule
  public let config: SchedulerConfig
  public let options: SamplerOptions
  public let prediction: Prediction

  public init(
    _ name: String, _ noise: NoiseSchedule, _ config: SchedulerConfig, _ options: SamplerOptions
  ) throws(SamplerError) {
    self.name = name
    self.noise = noise
    self.config = config
    self.options = options
    if let asked = options.prediction { prediction = asked } else { prediction = try Self.prediction(config) }
    if config.thresholding == true {
      throw .unsupported(sampler: name, what: "thresholding", instead: "it is made for pixels, not for latents")
    }
    if let final = config.finalSigmasType, final != "zero" {
      throw .unsupported(sampler: name, what: "final_sigmas_type \(final)", instead: "set it to zero")
    }
  }

  private static func prediction(_ config: SchedulerConfig) throws(SamplerError) -> Prediction {
    switch config.prediction ?? "epsilon" {
    case "epsilon": return .epsilon
    case "v_prediction": return .v
    case "sample": return .sample
    case let other:
      throw .range(what: "prediction_type", found: other, expected: "epsilon, v_prediction or sample")
    }
  }

  func spacing(_ standard: Spacing) throws(SamplerError) -> Spacing {
    if let spacing = options.spacing { return spacing }
    guard let written = config.spacing else { return standard }
    guard let spacing = Spacing(rawValue: written) else {
      throw .range(what: "timestep_spacing", found: written, expected: "leading, trailing or linspace")
    }
    return spacing
  }

  /// The grid of a sampler whose own spacing is `standard`.
  ///
  /// - Parameters:
  ///   - curved: whether it can follow other σ schedules.
  ///   - obeysConfig: whether the model's config may choose one of them.
  func grid(_ standard: Spacing, curved: Bool, obeysConfig: Bool = true) throws(SamplerError) -> TimeGrid {
    let offset = config.stepsOffset ?? 0
    guard (0..<noise.count).contains(offset) else {
      throw .range(what: "steps_offset", found: "\(offset)", expected: "0 to \(noise.count - 1)")
    }
    var grid = TimeGrid(
      noise: noise, spacing: try spacing(standard), offset: offset,
      schedule: try schedule(curved: curved, obeysConfig: obeysConfig))
    grid.given = try sigmas(curved: curved)
    grid.alignment = options.alignment
    return grid
  }

  private func schedule(curved: Bool, obeysConfig: Bool) throws(SamplerError) -> SigmaSchedule {
    if !curved {
      guard let asked = options.schedule, asked != .discrete else { return .discrete }
      throw .unsupported(sampler: name, what: "the \(asked.rawValue) schedule", instead: "use euler or dpm++2m")
    }
    if let asked = options.schedule { return asked }
    guard obeysConfig else { return .discrete }
    if config.useKarrasSigmas == true { return .karras }
    if config.useBetaSigmas == true { return .betaSigmas }
    return config.useExponentialSigmas == true ? .exponential : .discrete
  }

  private func sigmas(curved: Bool) throws(SamplerError) -> [Double]? {
    guard let given = options.sigmas else { return nil }
    guard curved else {
      throw .unsupported(sampler: name, what: "sigmas given by hand", instead: "use euler or dpm++2m")
    }
    let falls = zip(given, given.dropFirst()).allSatisfy { $0 > $1 }
    guard let last = given.last, last > 0, given[0].isFinite, falls else {
      let found = given.map { "\($0)" }.joined(separator: ",")
      throw .range(what: "sigmas", found: found, expected: "falling numbers above 0 (a 0 at the end may be left out)")
    }
    return given
  }

  /// For samplers whose diffusers class knows no zero terminal SNR: they would start from too little noise.
  func refuseZeroTerminalSNR() throws(SamplerError) {
    if noise.hasZeroTerminalSNR {
      throw .unsupported(
        sampler: name, what: "a model with zero terminal SNR", instead: "use ddim, euler, dpm++2m or unipc")
    }
  }
}
