import Layers
import Weights

/// What a CLIP text tower's config.json says.
public struct CLIPTextConfig: Sendable {
  public let vocabulary, positions, width, projection: Int
  let inner, layers, heads: Int
  let epsilon: Float
  let activation: Activation
  let endOfText: Int

  /// - Throws: `ConfigError` naming the key that is missing, ill-typed or out of range.
  public init(_ config: Config) throws {
    vocabulary = try config.integer("vocab_size", default: 49408)
    positions = try config.integer("max_position_embeddings", default: 77)
    width = try config.integer("hidden_size", default: 512)
    inner = try config.integer("intermediate_size", default: 2048)
    layers = try config.integer("num_hidden_layers", default: 12)
    heads = try config.integer("num_attention_heads", default: 8)
    projection = try config.integer("projection_dim", default: 512)
    epsilon = Float(try config.number("layer_norm_eps", default: 1e-5))
    endOfText = try config.integer("eos_token_id", default: 49407)
    guard let activation = Activation(rawValue: try config.string("hidden_act", default: "quick_gelu")) else {
      throw config.invalid("hidden_act", "quick_gelu, gelu or silu")
    }
    self.activation = activation
    guard heads > 0, width % heads == 0 else { throw config.invalid("num_attention_heads", "a divisor of hidden_size") }
  }

  /// Where the text ends: its first end-of-text token. Configs from before transformers 4.24 say 2 for that token and
  /// mean the highest id.
  func end(of ids: [Int]) -> Int {
    let end = endOfText == 2 ? ids.filter { $0 < vocabulary }.max() : endOfText
    return ids.firstIndex { $0 == end } ?? 0
  }
}
