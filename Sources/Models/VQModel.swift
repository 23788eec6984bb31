import Diffusion
import Layers
import Weights

/// What a `VQModel`'s config.json says.
public struct VQConfig: Sendable {
  public let halves: AutoencoderConfig
  /// Entries of the codebook, and numbers in each: the channels of the UNet's latents.
  public let entries, width: Int
  let scalingFactor: Float

  /// - Parameter scaled: false where the pipeline leaves latents as they are, whatever the config says of a factor.
  /// - Throws: `ConfigError` naming the key that is missing, ill-typed or names a part that this engine has not.
  public init(_ config: Config, scaled: Bool = true) throws {
    halves = try AutoencoderConfig(config)
    scalingFactor = scaled ? halves.scalingFactor : 1
    entries = try config.integer("num_vq_embeddings", default: 256)
    // diffusers' default for latent_channels is 3 in this class.
    guard config.has("latent_channels") else { throw config.invalid("latent_channels", "a whole number") }
    width = try config.optionalInteger("vq_embed_dim") ?? halves.latentChannels
    guard entries > 0, width > 0 else { throw config.invalid("num_vq_embeddings", "numbers above 0") }
    guard try config.string("norm_type", default: "group") == "group" else {
      throw config.invalid("norm_type", "group")
    }
  }
}

/// diffusers' `VQModel`: the autoencoder with a codebook behind its encoder (van den Oord et al. 2017, arXiv 1711.00937;
/// Esser et al. 2021, arXiv 2012.09841). Diffusion works on latents that are not quantised yet: the codebook is part of
/// the decoder (Rombach et al. 2022, arXiv 2112.10752, sec. 3.1).
public struct VQModel: Autoencoder {
  public let config: VQConfig
  private let encoder: Encoder
  private let decoder: Decoder
  private let quantize, postQuantize: Conv2d
  private let codebook: Codebook

  /// - Throws: `WeightsError` where a tensor is missing or has another shape than `config` says.
  public init(_ p: Parameters, config: VQConfig) throws {
    self.config = config
    let (z, width) = (config.halves.latentChannels, config.width)
    encoder = try Encoder(p["encoder"], config: config.halves, outputs: z)
    decoder = try Decoder(p["decoder"], config: config.halves)
    quantize = try Conv2d(p["quant_conv"], inputs: z, outputs: width, kernel: 1)
    postQuantize = try Conv2d(p["post_quant_conv"], inputs: width, outputs: z, kernel: 1)
    codebook = Codebook(try p.weights["quantize.embedding"].tensor("weight", [config.entries, width]).tensor())
  }

  public var latentChannels: Int { config.width }
  public var factor: Int { config.halves.factor }
  public var valuesPerPixel: (encoder: Int, decoder: Int) { config.halves.valuesPerPixel }

  /// Draws nothing, whatever `encoding` says.
  public func encode(_ picture: Tensor, _ encoding: Encoding, noise: inout Noise) -> Tensor {
    quantize(encoder(picture.channelsLast())).channelsFirst() * config.scalingFactor
  }

  public func decode(_ latents: Tensor) -> Tensor {
    let z = codebook.nearest((latents / config.scalingFactor).channelsLast())
    return decoder(postQuantize(z)).channelsFirst()
  }
}

/// Vectors, the nearest of which takes a latent's place.
package struct Codebook: Sendable {
  private let entries: Tensor
  /// z·e - |e|²/2 for every entry: greatest where |z - e| is least. In f32 whatever the policy, as it decides by size.
  private let score: Linear
  /// Latents a time: their scores stand in memory together.
  private static let chunk = 1024

  /// - Parameter entries: `[K, C]`.
  package init(_ entries: Tensor) {
    self.entries = entries
    let (count, width) = (entries.shape[0], entries.shape[1])
    let halfSquares = Tensor(shape: [count]) { out in
      entries.withElements { e in
        for i in 0..<count {
          out[i] = -0.5 * e[(i * width)..<((i + 1) * width)].reduce(0) { $0 + $1 * $1 }
        }
      }
    }
    score = Linear(weight: entries, bias: halfSquares, policy: KernelPolicy(precision: .f32))
  }

  /// Maps `[N, h, w, C]`, each pixel replaced by its nearest entry.
  package func nearest(_ maps: Tensor) -> Tensor {
    let (count, width) = (entries.shape[0], entries.shape[1])
    let pixels = maps.reshaped([maps.count / width, width])
    var rows: [Int] = []
    for start in stride(from: 0, to: pixels.shape[0], by: Self.chunk) {
      let part = pixels.slice(axis: 0, start..<min(start + Self.chunk, pixels.shape[0]))
      score(part).withElements { scores in
        for row in 0..<part.shape[0] {
          var best = row * count
          for i in (row * count)..<((row + 1) * count) where scores[i] > scores[best] { best = i }
          rows.append(best - row * count)
        }
      }
    }
    return Tensor(shape: maps.shape) { out in
      entries.withElements { e in
        for (place, row) in rows.enumerated() {
          for c in 0..<width { out[place * width + c] = e[row * width + c] }
        }
      }
    }
  }
}
