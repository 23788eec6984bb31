import Diffusion
import Layers

/// diffusers' `AutoencoderKL`: pictures ↔ latents, f times smaller (Rombach et al. 2022, arXiv 2112.10752, sec. 3.1).
public struct AutoencoderKL: Autoencoder {
  public let config: AutoencoderConfig
  private let encoder: Encoder
  private let decoder: Decoder
  private let quantize, postQuantize: Conv2d?

  /// - Throws: `WeightsError` where a tensor is missing or has another shape than `config` says.
  public init(_ p: Parameters, config: AutoencoderConfig) throws {
    self.config = config
    let z = config.latentChannels
    encoder = try Encoder(p["encoder"], config: config, outputs: 2 * z)
    decoder = try Decoder(p["decoder"], config: config)
    quantize = config.quantizes ? try Conv2d(p["quant_conv"], inputs: 2 * z, outputs: 2 * z, kernel: 1) : nil
    postQuantize = config.postQuantizes ? try Conv2d(p["post_quant_conv"], inputs: z, outputs: z, kernel: 1) : nil
  }

  public var latentChannels: Int { config.latentChannels }
  public var factor: Int { config.factor }
  public var valuesPerPixel: (encoder: Int, decoder: Int) { config.valuesPerPixel }

  /// The posterior of a picture's latents, before scaling: mean and log variance, `[N, C, H/f, W/f]` each.
  ///
  /// - Parameter picture: `[N, 3, H, W]` in -1...1.
  public func posterior(_ picture: Tensor) -> (mean: Tensor, logVariance: Tensor) {
    let h = encoder(picture.channelsLast())
    let moments = (quantize?(h) ?? h).channelsFirst()
    let z = config.latentChannels
    return (moments.slice(axis: 1, 0..<z), moments.slice(axis: 1, z..<(2 * z)))
  }

  /// A draw of the posterior (Kingma & Welling 2013, eq. 10) or its mean, scaled.
  public func encode(_ picture: Tensor, _ encoding: Encoding, noise: inout Noise) -> Tensor {
    let (mean, logVariance) = posterior(picture)
    switch encoding {
    case .mean: return scale(mean)
    case .sample:
      let deviation = (0.5 * logVariance.clamped(to: -30...20)).exponential()
      return scale(mean + deviation * noise(mean.shape))
    }
  }

  public func decode(_ latents: Tensor) -> Tensor {
    let z = (latents / config.scalingFactor + config.shiftFactor).channelsLast()
    return decoder(postQuantize?(z) ?? z).channelsFirst()
  }

  private func scale(_ z: Tensor) -> Tensor { (z - config.shiftFactor) * config.scalingFactor }
}
