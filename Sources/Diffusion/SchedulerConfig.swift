/// The kind of a network's output.
public enum Prediction: String, Sendable, CaseIterable {
  case epsilon
  /// √ᾱ n - √(1 - ᾱ) z (Salimans & Ho 2022, arXiv 2202.00512).
  case v
  /// The clean latents themselves.
  case sample
}

/// Where the training steps that are visited lie (Lin et al. 2023, arXiv 2305.08891, table 2).
public enum Spacing: String, Sendable, CaseIterable { case leading, trailing, linspace }

/// How σ falls from the first step to the last.
public enum SigmaSchedule: String, Sendable, CaseIterable {
  /// As the training steps that the spacing visits have it.
  case discrete
  /// Karras et al. 2022, arXiv 2206.00364, eq. 5, ρ = 7.
  case karras
  /// Evenly in ln σ.
  case exponential
}

/// What a checkpoint's scheduler_config.json says. A key that is not written there is nil, and then each sampler takes the
/// default of its own class in diffusers, not of the class the file names.
public struct SchedulerConfig: Sendable {
  public var schedule: NoiseSchedule
  public var prediction = Prediction.epsilon
  public var spacing: Spacing?
  public var sigmaSchedule: SigmaSchedule?
  public var stepsOffset: Int?
  public var setAlphaToOne: Bool?
  public var clipSample: Bool?
  public var clipSampleRange = 1.0
  public var zeroTerminalSNR = false
  /// `_class_name`, by which a checkpoint names its usual sampler.
  public var className: String?

  public init(schedule: NoiseSchedule) { self.schedule = schedule }
}
