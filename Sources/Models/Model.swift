import Diffusion
import Layers
import Weights

/// A loaded checkpoint: denoises, encodes and decodes, and answers what conditioners ask.
public struct Model: ConditioningModel, Denoiser {
  public let name: String
  public let unet: UNet
  public let autoencoder: AutoencoderKL
  public let scheduler: SchedulerConfig
  public let lowResolutionSchedule: NoiseSchedule?
  public let maximumNoiseLevel: Int?
  public let defaultNoiseLevel: Int
  /// Tensors in the files that nothing reads.
  public let surplus: [String]
  private let text: (tokenizer: CLIPTokenizer, tower: CLIPTextModel)?

  /// - Parameters:
  ///   - vae: a checkpoint whose autoencoder takes the place of this one's.
  ///   - defaultNoiseLevel: for super-resolution requests that name none.
  /// - Throws: `ModelError`, `CheckpointError`, `ConfigError`, `WeightsError`, `TokenizerError`.
  public init(
    _ checkpoint: Checkpoint, autoencoder vae: Checkpoint? = nil, policy: KernelPolicy = KernelPolicy(),
    defaultNoiseLevel: Int = 20
  ) throws {
    name = checkpoint.name
    func parameters(_ part: String, of checkpoint: Checkpoint) throws -> (Parameters, Config) {
      (Parameters(try checkpoint.weights(part), policy), try checkpoint.config(part))
    }
    let (unetParameters, unetConfig) = try parameters("unet", of: checkpoint)
    unet = try UNet(unetParameters, config: UNetConfig(unetConfig))
    let (vaeParameters, vaeConfig) = try parameters("vae", of: vae ?? checkpoint)
    autoencoder = try AutoencoderKL(vaeParameters, config: AutoencoderConfig(vaeConfig))
    var surplus = unetParameters.weights.surplus + vaeParameters.weights.surplus
    if unet.config.readsText {
      let (textParameters, textConfig) = try parameters("text_encoder", of: checkpoint)
      let tower = try CLIPTextModel(textParameters, config: CLIPTextConfig(textConfig))
      text = (try CLIPTokenizer(checkpoint.tokenizer(), length: tower.config.positions), tower)
      surplus += textParameters.weights.surplus
    } else {
      text = nil
    }
    self.surplus = surplus
    scheduler = try SchedulerConfig(checkpoint.config("scheduler"))
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
    guard text.map({ $0.tower.config.width == unet.config.contextWidth }) ?? true else {
      throw ModelError.component(
        "text_encoder", folder: folder, found: "\(text!.tower.config.width) wide",
        expected: "\(unet.config.contextWidth)")
    }
  }

  public var inputChannels: Int { unet.config.inputChannels }
  public var latentChannels: Int { autoencoder.config.latentChannels }
  public var latentFactor: Int { autoencoder.config.factor }
  public var readsText: Bool { text != nil }

  public func encode(text prompt: String) throws -> Tensor {
    guard let text else { throw ConditioningError.unsuited(model: name, to: "text") }
    return text.tower([text.tokenizer.encode(prompt)]).last
  }

  public func encode(_ picture: Tensor, _ encoding: Encoding, noise: inout Noise) -> Tensor {
    autoencoder.encode(picture, encoding, noise: &noise)
  }

  public func decode(_ latents: Tensor) -> Tensor { autoencoder.decode(latents) }

  public func predict(_ input: DenoiserInput) throws -> Tensor {
    var row: Int?
    if case .index(let index) = input.label { row = index }
    return unet(input.latents, timestep: input.timestep, context: input.context, label: row)
  }
}
