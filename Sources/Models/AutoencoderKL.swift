import Diffusion
import Layers

/// diffusers' `AutoencoderKL`: pictures ↔ latents, f times smaller (Rombach et al. 2022, arXiv 2112.10752, sec. 3.1).
public struct AutoencoderKL: Sendable {
  public let config: AutoencoderConfig
  private let encoder: Encoder
  private let decoder: Decoder
  private let quantize, postQuantize: Conv2d?

  /// - Throws: `WeightsError` where a tensor is missing or has another shape than `config` says.
  public init(_ p: Parameters, config: AutoencoderConfig) throws {
    self.config = config
    let z = config.latentChannels
    encoder = try Encoder(p["encoder"], config: config)
    decoder = try Decoder(p["decoder"], config: config)
    quantize = config.quantizes ? try Conv2d(p["quant_conv"], inputs: 2 * z, outputs: 2 * z, kernel: 1) : nil
    postQuantize = config.postQuantizes ? try Conv2d(p["post_quant_conv"], inputs: z, outputs: z, kernel: 1) : nil
  }

  /// The posterior of a picture's latents, before scaling: mean and log variance, `[N, C, H/f, W/f]` each.
  ///
  /// - Parameter picture: `[N, 3, H, W]` in -1...1.
  public func posterior(_ picture: Tensor) -> (mean: Tensor, logVariance: Tensor) {
    let h = encoder(picture.channelsLast())
    let moments = (quantize?(h) ?? h).channelsFirst()
    let z = config.latentChannels
    return (moments.slice(axis: 1, 0..<z), moments.slice(axis: 1, z..<(2 * z)))
  }

  /// Latents as the UNet knows them: a draw of the posterior (Kingma & Welling 2013, eq. 10) or its mean, scaled.
  public func encode(_ picture: Tensor, _ encoding: Encoding, noise: inout Noise) -> Tensor {
    let (mean, logVariance) = posterior(picture)
    switch encoding {
    case .mean: return scale(mean)
    case .sample:
      let deviation = (0.5 * logVariance.clamped(to: -30...20)).exponential()
      return scale(mean + deviation * noise(mean.shape))
    }
  }

  /// Scaled latents `[N, C, h, w]` → picture `[N, 3, f h, f w]`, about -1...1, not clamped.
  public func decode(_ latents: Tensor) -> Tensor {
    let z = (latents / config.scalingFactor + config.shiftFactor).channelsLast()
    return decoder(postQuantize?(z) ?? z).channelsFirst()
  }

  private func scale(_ z: Tensor) -> Tensor { (z - config.shiftFactor) * config.scalingFactor }
}

private struct Encoder: Sendable {
  let convIn, convOut: Conv2d
  let levels: [(resnets: [ResnetBlock], downsample: Downsample?)]
  let middle: AutoencoderMiddle
  let normOut: GroupNorm

  init(_ p: Parameters, config: AutoencoderConfig) throws {
    let widths = config.widths
    convIn = try Conv2d(p["conv_in"], inputs: config.imageChannels, outputs: widths[0])
    levels = try widths.indices.map { i in
      let q = p["down_blocks.\(i)"]
      let resnets = try (0..<config.layers).map {
        try config.resnet(q["resnets.\($0)"], inputs: $0 == 0 ? widths[max(i - 1, 0)] : widths[i], outputs: widths[i])
      }
      let padding = Padding(top: 0, left: 0, bottom: 1, right: 1)
      let last = i == widths.count - 1
      return (resnets, last ? nil : try Downsample(q["downsamplers.0"], channels: widths[i], padding: padding))
    }
    middle = try AutoencoderMiddle(p["mid_block"], config: config)
    normOut = try GroupNorm(p["conv_norm_out"], channels: widths.last!, groups: config.groups, epsilon: 1e-6)
    convOut = try Conv2d(p["conv_out"], inputs: widths.last!, outputs: 2 * config.latentChannels)
  }

  func callAsFunction(_ picture: Tensor) -> Tensor {
    var x = convIn(picture)
    for level in levels {
      for resnet in level.resnets { x = resnet(x) }
      x = level.downsample?(x) ?? x
    }
    return convOut(normOut(middle(x), silu: true))
  }
}

private struct Decoder: Sendable {
  let convIn, convOut: Conv2d
  let middle: AutoencoderMiddle
  let levels: [(resnets: [ResnetBlock], upsample: Upsample?)]
  let normOut: GroupNorm

  init(_ p: Parameters, config: AutoencoderConfig) throws {
    let widths = Array(config.widths.reversed())
    convIn = try Conv2d(p["conv_in"], inputs: config.latentChannels, outputs: widths[0])
    middle = try AutoencoderMiddle(p["mid_block"], config: config)
    levels = try widths.indices.map { i in
      let q = p["up_blocks.\(i)"]
      let resnets = try (0...config.layers).map {
        try config.resnet(q["resnets.\($0)"], inputs: $0 == 0 ? widths[max(i - 1, 0)] : widths[i], outputs: widths[i])
      }
      return (resnets, i == widths.count - 1 ? nil : try Upsample(q["upsamplers.0"], channels: widths[i]))
    }
    normOut = try GroupNorm(p["conv_norm_out"], channels: widths.last!, groups: config.groups, epsilon: 1e-6)
    convOut = try Conv2d(p["conv_out"], inputs: widths.last!, outputs: config.imageChannels)
  }

  func callAsFunction(_ z: Tensor) -> Tensor {
    var x = middle(convIn(z))
    for level in levels {
      for resnet in level.resnets { x = resnet(x) }
      x = level.upsample?(x) ?? x
    }
    return convOut(normOut(x, silu: true))
  }
}
