import Layers
import Weights

/// What an autoencoder's config.json says.
public struct AutoencoderConfig: Sendable {
  public let imageChannels, latentChannels: Int
  /// Latents are multiplied by it (after `shiftFactor` is subtracted) before the UNet sees them.
  public let scalingFactor, shiftFactor: Float
  let widths: [Int]
  let layers, groups: Int
  let attends, quantizes, postQuantizes: Bool

  /// Channels of the maps that have the picture's size: what memory goes by.
  public var widthAtFullSize: Int { widths[0] }

  /// Pixels per latent along each axis: the f of the paper.
  public var factor: Int { 1 << (widths.count - 1) }

  /// - Throws: `ConfigError` naming the key that is missing, ill-typed or names a part that this engine has not.
  public init(_ config: Config) throws {
    widths = try config.integers("block_out_channels")
    for (key, type) in [("down_block_types", "DownEncoderBlock2D"), ("up_block_types", "UpDecoderBlock2D")] {
      let types = try config.strings(key)
      guard types.count == widths.count, types.allSatisfy({ $0 == type }) else {
        throw config.invalid(key, "\(widths.count) times \(type)")
      }
    }
    imageChannels = try config.integer("in_channels", default: 3)
    latentChannels = try config.integer("latent_channels", default: 4)
    layers = try config.integer("layers_per_block", default: 1)
    groups = try config.integer("norm_num_groups", default: 32)
    scalingFactor = Float(try config.number("scaling_factor", default: 0.18215))
    shiftFactor = Float(try config.number("shift_factor", default: 0))
    attends = try config.bool("mid_block_add_attention", default: true)
    quantizes = try config.bool("use_quant_conv", default: true)
    postQuantizes = try config.bool("use_post_quant_conv", default: true)
    guard !widths.isEmpty, widths.allSatisfy({ $0 > 0 && $0 % groups == 0 }) else {
      throw config.invalid("block_out_channels", "multiples of norm_num_groups (\(groups))")
    }
  }

  func resnet(_ p: Parameters, inputs: Int, outputs: Int) throws -> ResnetBlock {
    try ResnetBlock(p, inputs: inputs, outputs: outputs, time: nil, groups: groups, epsilon: 1e-6)
  }
}
