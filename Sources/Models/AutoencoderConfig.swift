import Layers
import Weights

/// What the config.json of an `AutoencoderKL` or a `VQModel` says.
public struct AutoencoderConfig: Sendable {
  public let imageChannels, latentChannels: Int
  /// Latents are multiplied by it (after `shiftFactor` is subtracted) before the UNet sees them.
  public let scalingFactor, shiftFactor: Float
  let widths: [Int]
  /// Levels, the largest maps first, whose ResNet blocks are followed by attention on the way in and out.
  let attendsDown, attendsUp: [Bool]
  let layers, groups: Int
  let attends, quantizes, postQuantizes: Bool

  /// Channels of the maps that have the picture's size: what memory goes by.
  public var widthAtFullSize: Int { widths[0] }

  /// Pixels per latent along each axis: the f of the paper.
  public var factor: Int { 1 << (widths.count - 1) }

  /// - Throws: `ConfigError` naming the key that is missing, ill-typed or names a part that this engine has not.
  public init(_ config: Config) throws {
    widths = try config.integers("block_out_channels")
    let count = widths.count
    func attends(_ key: String, _ plain: String, _ attending: String) throws -> [Bool] {
      let types = try config.strings(key)
      guard types.count == count, types.allSatisfy({ $0 == plain || $0 == attending }) else {
        throw config.invalid(key, "\(count) of \(plain) and \(attending)")
      }
      return types.map { $0 == attending }
    }
    attendsDown = try attends("down_block_types", "DownEncoderBlock2D", "AttnDownEncoderBlock2D")
    attendsUp = try attends("up_block_types", "UpDecoderBlock2D", "AttnUpDecoderBlock2D").reversed()
    imageChannels = try config.integer("in_channels", default: 3)
    latentChannels = try config.integer("latent_channels", default: 4)
    layers = try config.integer("layers_per_block", default: 1)
    groups = try config.integer("norm_num_groups", default: 32)
    scalingFactor = Float(try config.number("scaling_factor", default: 0.18215))
    shiftFactor = Float(try config.number("shift_factor", default: 0))
    self.attends = try config.bool("mid_block_add_attention", default: true)
    quantizes = try config.bool("use_quant_conv", default: true)
    postQuantizes = try config.bool("use_post_quant_conv", default: true)
    guard imageChannels == 3 else { throw config.invalid("in_channels", "3: pictures are RGB") }
    guard layers > 0 else { throw config.invalid("layers_per_block", "a number above 0") }
    guard !widths.isEmpty, groups > 0, widths.allSatisfy({ $0 > 0 && $0 % groups == 0 }) else {
      throw config.invalid("block_out_channels", "multiples of norm_num_groups (\(groups))")
    }
    guard try config.string("act_fn", default: "silu") == "silu" else { throw config.invalid("act_fn", "silu") }
    guard scalingFactor.isFinite, scalingFactor != 0 else { throw config.invalid("scaling_factor", "not 0") }
    for key in ["latents_mean", "latents_std"] where config.has(key) {
      throw config.invalid(key, "null: latents scaled by channel are not supported")
    }
  }

  func resnet(_ p: Parameters, inputs: Int, outputs: Int) throws -> ResnetBlock {
    try ResnetBlock(p, inputs: inputs, outputs: outputs, time: nil, groups: groups, epsilon: 1e-6)
  }
}
