import Diffusion
import Weights

extension SchedulerConfig {
  /// Reads a diffusers scheduler_config.json.
  ///
  /// - Throws: `ConfigError`, `ModelError.scheduler`.
  public init(_ config: Config) throws {
    let name = try config.string("beta_schedule", default: "linear")
    guard let betas = NoiseSchedule.Betas(rawValue: name) else {
      throw ModelError.scheduler(file: config.path, key: "beta_schedule", found: name)
    }
    let zero = try config.bool("rescale_betas_zero_snr", default: false)
    self.init(
      schedule: NoiseSchedule(
        betas, from: try config.number("beta_start", default: 0.0001), to: try config.number("beta_end", default: 0.02),
        count: try config.integer("num_train_timesteps", default: 1000), zeroTerminalSNR: zero))
    zeroTerminalSNR = zero
    className = try config.optionalString("_class_name")
    prediction = try Self.prediction(config)
    if let name = try config.optionalString("timestep_spacing") {
      guard let spacing = Spacing(rawValue: name) else {
        throw ModelError.scheduler(file: config.path, key: "timestep_spacing", found: name)
      }
      self.spacing = spacing
    }
    if try config.bool("use_karras_sigmas", default: false) { sigmaSchedule = .karras }
    if try config.bool("use_exponential_sigmas", default: false) { sigmaSchedule = .exponential }
    stepsOffset = try config.optionalInteger("steps_offset")
    setAlphaToOne = try config.optionalBool("set_alpha_to_one")
    clipSample = try config.optionalBool("clip_sample")
    clipSampleRange = try config.number("clip_sample_range", default: 1)
  }

  private static func prediction(_ config: Config) throws -> Prediction {
    switch try config.string("prediction_type", default: "epsilon") {
    case "epsilon": .epsilon
    case "v_prediction": .v
    case "sample": .sample
    case let other: throw ModelError.scheduler(file: config.path, key: "prediction_type", found: other)
    }
  }
}
