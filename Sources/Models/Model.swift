import Diffusion
import Foundation
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

  /// Loads a folder in diffusers' layout.
  ///
  /// - Parameters:
  ///   - autoencoderAt: another autoencoder's folder, in place of `vae/`.
  ///   - defaultNoiseLevel: for super-resolution requests that name none.
  /// - Throws: `ModelError`, `ConfigError`, `WeightsError`, `TokenizerError`.
  public init(
    at folder: String, autoencoderAt vae: String? = nil, policy: KernelPolicy = KernelPolicy(),
    defaultNoiseLevel: Int = 20
  ) throws {
    guard FileManager.default.fileExists(atPath: "\(folder)/unet/config.json") else {
      throw ModelError.noModel(path: folder)
    }
    name = folder.split(separator: "/").last.map(String.init) ?? folder
    func parameters(_ component: String) throws -> (Parameters, Config) {
      let weights = try Weights(componentAt: component)
      return (Parameters(weights, policy), try Config(at: "\(component)/config.json"))
    }
    let (unetParameters, unetConfig) = try parameters("\(folder)/unet")
    unet = try UNet(unetParameters, config: UNetConfig(unetConfig))
    let (vaeParameters, vaeConfig) = try parameters(vae ?? "\(folder)/vae")
    autoencoder = try AutoencoderKL(vaeParameters, config: AutoencoderConfig(vaeConfig))
    var surplus = unetParameters.weights.surplus + vaeParameters.weights.surplus
    if unet.config.readsText {
      let (textParameters, textConfig) = try parameters("\(folder)/text_encoder")
      let tower = try CLIPTextModel(textParameters, config: CLIPTextConfig(textConfig))
      text = (try CLIPTokenizer(folder: "\(folder)/tokenizer", length: tower.config.positions), tower)
      surplus += textParameters.weights.surplus
    } else {
      text = nil
    }
    self.surplus = surplus
    scheduler = try SchedulerConfig(at: "\(folder)/scheduler/scheduler_config.json")
    let low = "\(folder)/low_res_scheduler/scheduler_config.json"
    lowResolutionSchedule =
      FileManager.default.fileExists(atPath: low)
      ? try NoiseSchedule(SchedulerConfig(at: low)) : nil
    let index = "\(folder)/model_index.json"
    maximumNoiseLevel =
      FileManager.default.fileExists(atPath: index)
      ? try Config(at: index).optionalInteger("max_noise_level") : nil
    self.defaultNoiseLevel = defaultNoiseLevel
    try checkParts(folder)
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
