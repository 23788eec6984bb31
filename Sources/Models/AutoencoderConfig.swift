import Layers
import Weights

/// What the config.json of an `AutoencoderKL`, a `PatchAutoencoderKL` or a `VQModel` says.
public struct AutoencoderConfig: Sendable {
  public let imageChannels, latentChannels: Int
  /// Latents are multiplied by it (after `shiftFactor` is subtracted) before the UNet sees them.
  public let scalingFactor, shiftFactor: Float
  /// Of the encoder's levels, the largest maps first; of the decoder's, whose largest maps may be smaller than the picture.
  let widths, decoderWidths: [Int]
  /// Levels, the largest maps first, whose ResNet blocks are followed by attention on the way in and out.
  let attendsDown, attendsUp: [Bool]
  /// ResNet blocks of a level of the encoder; a level of the decoder has one more than `decoderLayers`.
  let layers, decoderLayers, groups: Int
  let attends, quantizes, postQuantizes: Bool

  /// Values for each pixel in the largest maps. A decoder that ends in squares has its last maps and the squares at once.
  public var valuesPerPixel: (encoder: Int, decoder: Int) {
    (widths[0], patch == 1 ? decoderWidths[0] : decoderWidths[0] / (patch * patch) + imageChannels)
  }

  /// Pixels per latent along each axis: the f of the paper.
  public var factor: Int { 1 << (widths.count - 1) }

  /// Pixels along each side of the square that the decoder's last convolution makes of each place: 1 where its levels
  /// enlarge to the picture's size.
  var patch: Int { 1 << (widths.count - decoderWidths.count) }

  /// - Throws: `ConfigError` naming the key that is missing, ill-typed or names a part that this engine has not.
  public init(_ config: Config) throws {
    widths = try config.integers("block_out_channels")
    decoderWidths = try config.integers("decoder_block_out_channels", default: widths)
    let groups = try config.integer("norm_num_groups", default: 32)
    self.groups = groups
    for (key, list) in [("block_out_channels", widths), ("decoder_block_out_channels", decoderWidths)] {
      guard !list.isEmpty, groups > 0, list.allSatisfy({ $0 > 0 && $0 % groups == 0 }) else {
        throw config.invalid(key, "multiples of norm_num_groups (\(groups))")
      }
    }
    guard decoderWidths.count <= widths.count else {
      throw config.invalid("decoder_block_out_channels", "\(widths.count) numbers at most, as block_out_channels has")
    }
    func attends(_ key: String, _ plain: String, _ attending: String, count: Int) throws -> [Bool] {
      let types = try config.strings(key)
      guard types.count == count, types.allSatisfy({ $0 == plain || $0 == attending }) else {
        throw config.invalid(key, "\(count) of \(plain) and \(attending)")
      }
      return types.map { $0 == attending }
    }
    attendsDown = try attends("down_block_types", "DownEncoderBlock2D", "AttnDownEncoderBlock2D", count: widths.count)
    attendsUp = try attends("up_block_types", "UpDecoderBlock2D", "AttnUpDecoderBlock2D", count: decoderWidths.count)
      .reversed()
    imageChannels = try config.integer("in_channels", default: 3)
    latentChannels = try config.integer("latent_channels", default: 4)
    layers = try config.integer("layers_per_block", default: 1)
    decoderLayers = try config.integer("decoder_layers_per_block", default: layers)
    scalingFactor = Float(try config.number("scaling_factor", default: 0.18215))
    shiftFactor = Float(try config.number("shift_factor", default: 0))
    self.attends = try config.bool("mid_block_add_attention", default: true)
    quantizes = try config.bool("use_quant_conv", default: true)
    postQuantizes = try config.bool("use_post_quant_conv", default: true)
    guard imageChannels == 3 else { throw config.invalid("in_channels", "3: pictures are RGB") }
    for (key, count) in [("layers_per_block", layers), ("decoder_layers_per_block", decoderLayers)] where count < 1 {
      throw config.invalid(key, "a number above 0")
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
