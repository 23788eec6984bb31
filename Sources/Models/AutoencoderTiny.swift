import Diffusion
import Foundation
import Layers
import Weights

/// What an `AutoencoderTiny`'s config.json says.
public struct AutoencoderTinyConfig: Sendable {
  public let imageChannels, latentChannels: Int
  public let scalingFactor, shiftFactor: Float
  let encoderWidths, decoderWidths, encoderBlocks, decoderBlocks: [Int]

  /// - Throws: `ConfigError` naming the key that is missing, ill-typed or names a part that this engine has not.
  public init(_ config: Config) throws {
    imageChannels = try config.integer("in_channels", default: 3)
    latentChannels = try config.integer("latent_channels", default: 4)
    encoderWidths = try config.integers("encoder_block_out_channels", default: [64, 64, 64, 64])
    decoderWidths = try config.integers("decoder_block_out_channels", default: [64, 64, 64, 64])
    encoderBlocks = try config.integers("num_encoder_blocks", default: [1, 3, 3, 3])
    decoderBlocks = try config.integers("num_decoder_blocks", default: [3, 3, 3, 1])
    scalingFactor = Float(try config.number("scaling_factor", default: 1))
    shiftFactor = Float(try config.number("shift_factor", default: 0))
    for (key, value) in [("act_fn", "relu"), ("upsample_fn", "nearest")] {
      guard try config.string(key, default: value) == value else { throw config.invalid(key, value) }
    }
    guard try config.integer("upsampling_scaling_factor", default: 2) == 2 else {
      throw config.invalid("upsampling_scaling_factor", "2")
    }
    guard imageChannels == 3 else { throw config.invalid("in_channels", "3: pictures are RGB") }
    let widths = encoderWidths + decoderWidths
    // diffusers' blocks keep their width from one level to the next.
    guard !widths.isEmpty, widths[0] > 0, widths.allSatisfy({ $0 == widths[0] }) else {
      throw config.invalid("encoder_block_out_channels", "one width for all blocks of encoder and decoder")
    }
    for (key, blocks, count) in [
      ("num_encoder_blocks", encoderBlocks, encoderWidths.count),
      ("num_decoder_blocks", decoderBlocks, decoderWidths.count),
    ] {
      guard blocks.count == count, encoderWidths.count == decoderWidths.count, blocks.allSatisfy({ $0 > 0 }) else {
        throw config.invalid(key, "\(encoderWidths.count) numbers above 0")
      }
    }
    guard scalingFactor.isFinite, scalingFactor != 0 else { throw config.invalid("scaling_factor", "not 0") }
  }
}

/// diffusers' `AutoencoderTiny`: TAESD, TAESDXL (Bohan 2023, github.com/madebyollin/taesd), a distilled autoencoder some
/// hundred times cheaper than the one it stands in for, a little blurred. Its latents are that one's, already scaled.
public struct AutoencoderTiny: Autoencoder {
  public let config: AutoencoderTinyConfig
  private let encoder, decoder: [TinyLayer]

  /// - Throws: `WeightsError` where a tensor is missing or has another shape than `config` says.
  public init(_ p: Parameters, config: AutoencoderTinyConfig) throws {
    self.config = config
    encoder = try Self.encoder(p["encoder.layers"], config)
    decoder = try Self.decoder(p["decoder.layers"], config)
  }

  public var latentChannels: Int { config.latentChannels }
  public var factor: Int { 1 << (config.encoderWidths.count - 1) }
  public var valuesPerPixel: (encoder: Int, decoder: Int) { (config.encoderWidths[0], config.decoderWidths[0]) }

  /// Draws nothing, whatever `encoding` says.
  public func encode(_ picture: Tensor, _ encoding: Encoding, noise: inout Noise) -> Tensor {
    // Inside, pictures are 0...1.
    let z = encoder.reduce(((picture + 1) * 0.5).channelsLast()) { $1($0) }.channelsFirst()
    return (z - config.shiftFactor) * config.scalingFactor
  }

  public func decode(_ latents: Tensor) -> Tensor {
    // Far latents are bent back: 3 tanh(z / 3).
    let z = (latents / config.scalingFactor + config.shiftFactor).map { 3 * tanh($0 / 3) }
    return decoder.reduce(z.channelsLast()) { $1($0) }.channelsFirst() * 2 - 1
  }

  /// A convolution without bias.
  private static func bare(_ p: Parameters, width: Int, stride: Int = 1) throws -> Conv2d {
    Conv2d(
      weight: try p.weights.tensor("weight", [width, width, 3, 3]).tensor(), bias: Tensor(zeros: [width]),
      stride: stride, padding: .same(1), policy: p.policy)
  }

  private static func encoder(_ p: Parameters, _ config: AutoencoderTinyConfig) throws -> [TinyLayer] {
    let width = config.encoderWidths[0]
    var layers: [TinyLayer] = []
    for (level, blocks) in config.encoderBlocks.enumerated() {
      layers.append(
        .convolution(
          level == 0
            ? try Conv2d(p["0"], inputs: config.imageChannels, outputs: width)
            : try bare(p["\(layers.count)"], width: width, stride: 2)))
      for _ in 0..<blocks { layers.append(.block(try TinyBlock(p["\(layers.count)"], width: width))) }
    }
    return layers + [.convolution(try Conv2d(p["\(layers.count)"], inputs: width, outputs: config.latentChannels))]
  }

  private static func decoder(_ p: Parameters, _ config: AutoencoderTinyConfig) throws -> [TinyLayer] {
    let width = config.decoderWidths[0]
    var layers: [TinyLayer] = [
      .convolution(try Conv2d(p["0"], inputs: config.latentChannels, outputs: width)), .relu,
    ]
    for (level, blocks) in config.decoderBlocks.enumerated() {
      let last = level == config.decoderBlocks.count - 1
      for _ in 0..<blocks { layers.append(.block(try TinyBlock(p["\(layers.count)"], width: width))) }
      if !last { layers.append(.double) }
      layers.append(
        .convolution(
          last
            ? try Conv2d(p["\(layers.count)"], inputs: width, outputs: config.imageChannels)
            : try bare(p["\(layers.count)"], width: width)))
    }
    return layers
  }
}

private enum TinyLayer: Sendable {
  case convolution(Conv2d)
  case block(TinyBlock)
  case relu
  case double

  func callAsFunction(_ x: Tensor) -> Tensor {
    switch self {
    case .convolution(let layer): layer(x)
    case .block(let layer): layer(x)
    case .relu: x.rectified
    case .double: upsampledNearest(x, height: 2 * x.shape[1], width: 2 * x.shape[2])
    }
  }
}

/// y = relu(x + conv relu conv relu conv x).
private struct TinyBlock: Sendable {
  private let first, second, third: Conv2d

  init(_ p: Parameters, width: Int) throws {
    first = try Conv2d(p["conv.0"], inputs: width, outputs: width)
    second = try Conv2d(p["conv.2"], inputs: width, outputs: width)
    third = try Conv2d(p["conv.4"], inputs: width, outputs: width)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    third(second(first(x).rectified).rectified, onto: x).rectified
  }
}

extension Tensor {
  /// Nothing below 0.
  fileprivate var rectified: Tensor { map { max($0, 0) } }
}
