import Diffusion
import Layers
import Weights

/// A loaded checkpoint: denoises, encodes and decodes, and answers what conditioners ask.
public struct Model: ConditioningModel, Denoiser {
  public let name: String
  public let unet: UNet
  public let autoencoder: any Autoencoder
  public let scheduler: SchedulerConfig
  public let lowResolutionSchedule: NoiseSchedule?
  public let maximumNoiseLevel: Int?
  public let defaultNoiseLevel: Int
  public let emptyNegativeIsZero: Bool
  public let microConditioning: MicroConditioning?
  /// Tensors in the files that nothing reads.
  public let surplus: [String]
  /// What a user should know of the LoRAs that it was loaded with.
  public let warnings: [String]
  private let shifts: Shifts
  /// None where the UNet reads no text.
  public let text: [any TextTower]

  /// - Parameters:
  ///   - vae: a checkpoint whose autoencoder takes the place of this one's.
  ///   - loras: merged into its weights.
  ///   - inversions: words for its text encoders.
  ///   - defaultNoiseLevel: for super-resolution requests that name none.
  /// - Throws: `ModelError`, `CheckpointError`, `ConfigError`, `WeightsError`, `TokenizerError`.
  public init(
    _ checkpoint: Checkpoint, autoencoder vae: Checkpoint? = nil, loras: [LoRA] = [],
    inversions: [TextualInversion] = [], policy: KernelPolicy = KernelPolicy(), defaultNoiseLevel: Int = 20
  ) throws {
    name = checkpoint.name
    let set = LoRASet(loras)
    var loader = PartLoader(policy: policy, loras: set, inversions: inversions)
    unet = try loader.unet(checkpoint)
    autoencoder = try loader.autoencoder(vae ?? checkpoint, for: checkpoint)
    text = try loader.text(checkpoint, for: unet.config)
    shifts = Shifts(loader.packs)
    surplus = checkpoint.surplus + loader.surplus
    warnings = try set.warnings(for: checkpoint.name)
    microConditioning = try Self.microConditioning(unet.config, text, checkpoint.path)
    emptyNegativeIsZero =
      try microConditioning != nil && checkpoint.index?.bool("force_zeros_for_empty_prompt", default: true) ?? true
    scheduler = try SchedulerConfig(checkpoint.config("scheduler")).repaired(
      for: checkpoint.index?.optionalString("_class_name"))
    lowResolutionSchedule =
      checkpoint.has("low_res_scheduler")
      ? try NoiseSchedule(SchedulerConfig(checkpoint.config("low_res_scheduler"))) : nil
    maximumNoiseLevel = try checkpoint.index?.optionalInteger("max_noise_level")
    self.defaultNoiseLevel = defaultNoiseLevel
    try checkParts(checkpoint.path)
  }

  /// The parts must fit each other.
  private func checkParts(_ folder: String) throws {
    guard unet.config.outputChannels == latentChannels else {
      throw ModelError.component(
        "unet", folder: folder, found: "for \(unet.config.outputChannels) latent channels",
        expected: "\(latentChannels)")
    }
    let width = text.reduce(0) { $0 + $1.width }
    guard unet.config.classes == nil || lowResolutionSchedule != nil || inputChannels != latentChannels + 3 else {
      throw CheckpointError.part("low_res_scheduler", file: folder, parts: [])
    }
    guard text.isEmpty || width == unet.config.contextWidth else {
      throw ModelError.component(
        "text_encoder", folder: folder, found: "\(width) wide", expected: "\(unet.config.contextWidth)")
    }
  }

  /// How many numbers stand beside the pooled text in the UNet's second embedding says which they are.
  private static func microConditioning(
    _ config: UNetConfig, _ text: [any TextTower], _ folder: String
  ) throws -> MicroConditioning? {
    guard let addition = config.addition else { return nil }
    let pooled = text.compactMap(\.pooledWidth).last ?? 0
    switch addition.numbers(besides: pooled) {
    case MicroConditioning.sizes.count: return .sizes
    case MicroConditioning.aesthetic.count: return .aesthetic
    default:
      throw ModelError.component(
        "text_encoder_2", folder: folder, found: "one that gives texts of \(pooled) numbers",
        expected: "a pooled text that with 5 or 6 sizes makes the UNet's \(addition.inputs)")
    }
  }

  public var inputChannels: Int { unet.config.inputChannels }
  public var latentChannels: Int { autoencoder.latentChannels }
  public var latentFactor: Int { autoencoder.factor }
  public var inpaintingInput: InpaintingInput? {
    guard inputChannels == 2 * latentChannels + 1 else { return nil }
    // The first model that was trained to reads no text.
    return readsText ? .maskFirst : .maskLast
  }
  public var labels: Int? { unet.config.classes }
  public var readsText: Bool { !text.isEmpty }
  public var encodesNothing: Bool { text.allSatisfy(\.encodesNothing) }
  public var embedsGuidance: Bool { unet.config.guidanceWidth != nil }

  public func encode(text: String) throws -> TextEncoding { try encode(Prompt(text)) }

  public func encode(_ prompt: Prompt) throws -> TextEncoding {
    guard readsText else { throw ConditioningError.unsuited(model: name, to: "text") }
    shifts.begin(.text)
    return try text.encode(prompt)
  }

  public func encode(_ picture: Tensor, _ encoding: Encoding, noise: inout Noise) -> Tensor {
    shifts.begin(.autoencoder)
    return autoencoder.encode(picture, encoding, noise: &noise)
  }

  public func decode(_ latents: Tensor) -> Tensor {
    shifts.begin(.autoencoder)
    return autoencoder.decode(latents)
  }

  public func predict(_ input: DenoiserInput) throws -> Tensor { try predict(input, deep: nil).output }

  /// - Parameters and result: as `UNet.run`.
  func predict(
    _ input: DenoiserInput, deep: Tensor?, merging: TokenMerging? = nil
  ) throws -> (output: Tensor, deep: Tensor) {
    guard microConditioning == nil || input.pooled != nil && input.micro != nil else {
      throw ConditioningError.missing(what: "a text as a whole, and the picture's sizes", by: name)
    }
    shifts.begin(.unet)
    return unet.run(input, deep: deep, merging: merging)
  }
}
