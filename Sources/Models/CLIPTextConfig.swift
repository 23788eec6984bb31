import Layers
import Weights

/// What a CLIP text tower's config.json says.
public struct CLIPTextConfig: Sendable {
  public let vocabulary, positions, projection: Int
  let transformer: CLIPTransformerConfig
  let endOfText: Int

  public var width: Int { transformer.width }

  /// - Throws: `ConfigError` naming the key that is missing, ill-typed or out of range.
  public init(_ config: Config) throws {
    vocabulary = try config.integer("vocab_size", default: 49408)
    positions = try config.integer("max_position_embeddings", default: 77)
    transformer = try CLIPTransformerConfig(config, width: 512, inner: 2048, heads: 8)
    projection = try config.integer("projection_dim", default: 512)
    endOfText = try config.integer("eos_token_id", default: 49407)
    try config.checkText(vocabulary: vocabulary, positions: positions)
  }

  /// Where the text ends: its first end-of-text token. Configs from before transformers 4.24 say 2 for that token and
  /// mean the highest id.
  func end(of ids: [Int]) -> Int {
    let end = endOfText == 2 ? ids.filter { $0 < vocabulary }.max() : endOfText
    return ids.firstIndex { $0 == end } ?? 0
  }
}

extension Config {
  /// Room for a text: a token between its start and its end.
  func checkText(vocabulary: Int, positions: Int) throws(ConfigError) {
    guard vocabulary > 0 else { throw invalid("vocab_size", "a number above 0") }
    guard positions >= 3 else { throw invalid("max_position_embeddings", "3 or more") }
  }
}
