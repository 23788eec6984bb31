import Diffusion
import Layers
import Weights

/// What the config.json of an `LDMBertModel` says.
public struct LDMBertConfig: Sendable {
  public let vocabulary, positions, width: Int
  let layers, inner, heads, headWidth: Int
  let activation: Activation

  /// - Throws: `ConfigError` naming the key that is ill-typed or out of range.
  public init(_ config: Config) throws {
    vocabulary = try config.integer("vocab_size", default: 30522)
    positions = try config.integer("max_position_embeddings", default: 77)
    width = try config.integer("d_model", default: 1280)
    layers = try config.integer("encoder_layers", default: 32)
    inner = try config.integer("encoder_ffn_dim", default: 5120)
    heads = try config.integer("encoder_attention_heads", default: 8)
    headWidth = try config.integer("head_dim", default: 64)
    guard let activation = Activation(rawValue: try config.string("activation_function", default: "gelu")) else {
      throw config.invalid("activation_function", "gelu, quick_gelu or silu")
    }
    self.activation = activation
    let counts = [
      ("encoder_layers", layers), ("encoder_ffn_dim", inner), ("encoder_attention_heads", heads),
      ("head_dim", headWidth), ("d_model", width),
    ]
    for (key, value) in counts {
      guard value > 0 else { throw config.invalid(key, "a number above 0") }
    }
    guard !heads.multipliedReportingOverflow(by: headWidth).overflow else {
      throw config.invalid("head_dim", "a width that \(heads) heads can have")
    }
    try config.checkText(vocabulary: vocabulary, positions: positions)
  }
}

/// The text transformer of the first latent diffusion model that read text (Rombach et al. 2022, arXiv 2112.10752, sec.
/// 4.3.1), trained with it; BERT's vocabulary is all it has of BERT. It attends in both directions, padding too.
public struct LDMBert: Sendable {
  public let config: LDMBertConfig
  private let tokens: WeightTensor
  private let positions: Tensor
  private let layers: [LDMBertLayer]
  private let finalNorm: LayerNorm

  /// - Throws: `WeightsError` where a tensor is missing or has another shape than `config` says.
  public init(_ p: Parameters, config: LDMBertConfig) throws {
    self.config = config
    // As for CLIP's towers, in f32: every step reads the result.
    let p = p["model"].exact
    tokens = try p.weights.tensor("embed_tokens.weight", [config.vocabulary, config.width])
    positions = try p.weights.tensor("embed_positions.weight", [config.positions, config.width]).tensor()
    layers = try (0..<config.layers).map { try LDMBertLayer(p["layers.\($0)"], config) }
    finalNorm = try LayerNorm(p["layer_norm"], width: config.width)
  }

  /// - Parameter ids: at most `config.positions` of them, each inside the vocabulary.
  /// - Returns: `[1, T, width]`.
  public func callAsFunction(_ ids: [Int]) -> Tensor {
    precondition(ids.count <= config.positions, "\(ids.count) tokens for \(config.positions) positions")
    let x = (tokens.rows(ids) + positions.slice(axis: 0, 0..<ids.count)).reshaped([1, ids.count, config.width])
    return finalNorm(layers.reduce(x) { $1($0) })
  }
}

/// x += W attention(norm₁ x);  x += W₂ act(W₁ norm₂ x).
private struct LDMBertLayer: Sendable {
  let norm1, norm2: LayerNorm
  let query, key, value, out: Linear
  let widen, narrow: Linear
  let activation: Activation
  let heads: Int

  init(_ p: Parameters, _ config: LDMBertConfig) throws {
    let inside = config.heads * config.headWidth
    func input(_ name: String) throws -> Linear {
      try Linear(p["self_attn.\(name)"], inputs: config.width, outputs: inside, bias: false)
    }
    (activation, heads) = (config.activation, config.heads)
    norm1 = try LayerNorm(p["self_attn_layer_norm"], width: config.width)
    norm2 = try LayerNorm(p["final_layer_norm"], width: config.width)
    (query, key, value) = (try input("q_proj"), try input("k_proj"), try input("v_proj"))
    out = try Linear(p["self_attn.out_proj"], inputs: inside, outputs: config.width)
    widen = try Linear(p["fc1"], inputs: config.width, outputs: config.inner)
    narrow = try Linear(p["fc2"], inputs: config.inner, outputs: config.width)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let h = norm1(x)
    let y = out(attention(query(h), key(h), value(h), heads: heads), onto: x)
    return narrow(activation(widen(norm2(y))), onto: y)
  }
}

/// The two as a UNet reads them.
public struct BERTTower: TextTower {
  public let tokenizer: BERTTokenizer
  public let network: LDMBert

  public init(_ tokenizer: BERTTokenizer, _ network: LDMBert) { (self.tokenizer, self.network) = (tokenizer, network) }

  public var width: Int { network.config.width }
  public var pooledWidth: Int? { nil }
  public func encode(_ text: String) -> TextEncoding { TextEncoding(tokens: network(tokenizer.encode(text))) }
}
