import Layers
import Weights

/// The transformer of a CLIP tower, of words or of pictures (Radford et al. 2021, arXiv 2103.00020).
struct CLIPTransformerConfig: Sendable {
  let width, inner, layers, heads: Int
  let epsilon: Float
  let activation: Activation

  /// - Parameters: width, inner, heads: what transformers takes where the config says nothing.
  /// - Throws: `ConfigError` naming the key that is missing, ill-typed or out of range.
  init(_ config: Config, width: Int, inner: Int, heads: Int) throws {
    self.width = try config.integer("hidden_size", default: width)
    self.inner = try config.integer("intermediate_size", default: inner)
    self.heads = try config.integer("num_attention_heads", default: heads)
    layers = try config.integer("num_hidden_layers", default: 12)
    epsilon = Float(try config.number("layer_norm_eps", default: 1e-5))
    guard let activation = Activation(rawValue: try config.string("hidden_act", default: "quick_gelu")) else {
      throw config.invalid("hidden_act", "quick_gelu, gelu or silu")
    }
    self.activation = activation
    guard layers > 0 else { throw config.invalid("num_hidden_layers", "a number above 0") }
    guard self.heads > 0, self.width % self.heads == 0 else {
      throw config.invalid("num_attention_heads", "a divisor of hidden_size")
    }
  }

  /// - Parameter p: of the tower.
  func layers(_ p: Parameters) throws -> [CLIPLayer] {
    try (0..<layers).map { try CLIPLayer(p["encoder.layers.\($0)"], config: self) }
  }
}

/// x += W attention(norm₁ x);  x += W₂ act(W₁ norm₂ x).
struct CLIPLayer: Sendable {
  private let norm1, norm2: LayerNorm
  private let query, key, value, out: Linear
  private let widen, narrow: Linear
  private let activation: Activation

  init(_ p: Parameters, config: CLIPTransformerConfig) throws {
    func square(_ name: String) throws -> Linear {
      try Linear(p["self_attn.\(name)"], inputs: config.width, outputs: config.width)
    }
    activation = config.activation
    norm1 = try LayerNorm(p["layer_norm1"], width: config.width, epsilon: config.epsilon)
    norm2 = try LayerNorm(p["layer_norm2"], width: config.width, epsilon: config.epsilon)
    (query, key, value) = (try square("q_proj"), try square("k_proj"), try square("v_proj"))
    out = try square("out_proj")
    widen = try Linear(p["mlp.fc1"], inputs: config.width, outputs: config.inner)
    narrow = try Linear(p["mlp.fc2"], inputs: config.inner, outputs: config.width)
  }

  /// - Parameters:
  ///   - x: `[N, T, width]`.
  ///   - attend: the tower's attention of queries to keys and values.
  func callAsFunction(_ x: Tensor, attend: (_ q: Tensor, _ k: Tensor, _ v: Tensor) -> Tensor) -> Tensor {
    let h = norm1(x)
    let y = out(attend(query(h), key(h), value(h)), onto: x)
    return narrow(activation(widen(norm2(y))), onto: y)
  }
}
