/// What a model's `scheduler_config.json` says. A key that is not written stays nil: each sampler then takes the default
/// of its own diffusers class, not of the class that `_class_name` names.
public struct SchedulerConfig: Sendable, Equatable {
  public var className: String?
  public var trainSteps: Int?
  public var betaStart: Double?
  public var betaEnd: Double?
  public var betaSchedule: String?
  public var rescaleBetasZeroSNR: Bool?
  public var prediction: String?
  public var spacing: String?
  public var stepsOffset: Int?
  public var setAlphaToOne: Bool?
  public var clipSample: Bool?
  public var clipSampleRange: Double?
  public var thresholding: Bool?
  public var useKarrasSigmas: Bool?
  public var useExponentialSigmas: Bool?
  public var useBetaSigmas: Bool?
  public var skipPRKSteps: Bool?
  public var originalInferenceSteps: Int?
  public var algorithmType: String?
  public var finalSigmasType: String?
  public var trainedBetas: [Double]?
  public var solverOrder: Int?
  public var solverType: String?
  public var useLuLambdas: Bool?
  /// nil: -∞, as diffusers writes it.
  public var lambdaMinClipped: Double?
  public var predictX0: Bool?
  public var lowerOrderFinal: Bool?
  public var varianceType: String?
  public var interpolationType: String?
  public var timestepType: String?
  public var sigmaMin: Double?
  public var sigmaMax: Double?

  public init() {}
}

extension SchedulerConfig: Decodable {
  enum CodingKeys: String, CodingKey {
    case className = "_class_name"
    case trainSteps = "num_train_timesteps"
    case betaStart = "beta_start"
    case betaEnd = "beta_end"
    case betaSchedule = "beta_schedule"
    case rescaleBetasZeroSNR = "rescale_betas_zero_snr"
    case prediction = "prediction_type"
    case spacing = "timestep_spacing"
    case stepsOffset = "steps_offset"
    case setAlphaToOne = "set_alpha_to_one"
    case clipSample = "clip_sample"
    case clipSampleRange = "clip_sample_range"
    case thresholding
    case useKarrasSigmas = "use_karras_sigmas"
    case useBetaSigmas = "use_beta_sigmas"
    case useExponentialSigmas = "use_exponential_sigmas"
    case skipPRKSteps = "skip_prk_steps"
    case originalInferenceSteps = "original_inference_steps"
    case algorithmType = "algorithm_type"
    case finalSigmasType = "final_sigmas_type"
    case trainedBetas = "trained_betas"
    case solverOrder = "solver_order"
    case solverType = "solver_type"
    case useLuLambdas = "use_lu_lambdas"
    case lambdaMinClipped = "lambda_min_clipped"
    case predictX0 = "predict_x0"
    case lowerOrderFinal = "lower_order_final"
    case varianceType = "variance_type"
    case interpolationType = "interpolation_type"
    case timestepType = "timestep_type"
    case sigmaMin = "sigma_min"
    case sigmaMax = "sigma_max"
  }
}
