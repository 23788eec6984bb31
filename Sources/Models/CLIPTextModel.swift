import Layers
import Weights

/// CLIP's text tower (Radford et al. 2021, arXiv 2103.00020): a causal transformer with pre-normalisation.
public struct CLIPTextModel: Sendable {
  public struct Output: Sendable {
    /// After the final layer norm, `[N, T, D]`.
    public let last: Tensor
    /// Hidden states before it: the embedding, then one a layer.
    public let hidden: [Tensor]
    /// The end-of-text token of `last`, projected where the model has a projection, `[N, D']`.
    public let pooled: Tensor
  }

  public let config: CLIPTextConfig
  private let tokens: WeightTensor
  /// Rows behind those of the table, `[learned, D]`.
  private var learned: Tensor?
  private let positions: Tensor
  private let layers: [CLIPLayer]
  private let finalNorm: LayerNorm
  private let projection: Linear?

  /// Reads files with and without the `text_model.` prefix.
  public init(_ p: Parameters, config: CLIPTextConfig) throws {
    // Small beside the UNet, and every step reads its result: f32.
    let p = p.exact
    self.config = config
    let t = p.weights.contains("text_model.final_layer_norm.weight") ? p["text_model"] : p
    tokens = try t.weights.tensor("embeddings.token_embedding.weight", [config.vocabulary, config.width])
    positions = try t.weights.tensor("embeddings.position_embedding.weight", [config.positions, config.width]).tensor()
    layers = try config.transformer.layers(t)
    finalNorm = try LayerNorm(t["final_layer_norm"], width: config.width, epsilon: config.transformer.epsilon)
    projection =
      p.weights.contains("text_projection.weight")
      ? try Linear(p["text_projection"], inputs: config.width, outputs: config.projection, bias: false) : nil
  }

  /// Width of the projected text; nil where the tower has no projection.
  public var projectedWidth: Int? { projection?.outputs }

  /// - Parameters:
  ///   - ids: one row of token ids a text, all of one length, at most `config.positions`; each of the table or learned.
  ///   - unseen: tokens that none sees, where there is one row.
  public func callAsFunction(_ ids: [[Int]], hiding unseen: [Bool]? = nil) -> Output {
    let length = ids[0].count
    precondition(ids.allSatisfy { $0.count == length } && length <= config.positions, "ragged or overlong token rows")
    let places = positions.slice(axis: 0, 0..<length).repeated(ids.count)
    let heads = config.transformer.heads
    var x = (embedded(ids.flatMap { $0 }) + places).reshaped([ids.count, length, config.width])
    var hidden = [x]
    for layer in layers {
      x = layer(x) { q, k, v in
        unseen.map { attention(q, k, v, heads: heads, hiding: $0) } ?? attention(q, k, v, heads: heads, causal: true)
      }
      hidden.append(x)
    }
    let last = finalNorm(x)
    let ends = ids.enumerated().map { row, ids in
      last.slice(axis: 0, row..<(row + 1)).slice(axis: 1, config.end(of: ids)..<(config.end(of: ids) + 1))
    }
    let pooled = Tensor.concatenate(ends, axis: 0).reshaped([ids.count, config.width])
    return Output(last: last, hidden: hidden, pooled: projection?(pooled) ?? pooled)
  }

  /// Ids from `config.vocabulary` on are rows of `learned`.
  private func embedded(_ ids: [Int]) -> Tensor {
    guard let learned else { return tokens.rows(ids) }
    precondition(ids.allSatisfy { $0 < config.vocabulary + learned.shape[0] }, "ids outside the table")
    // Row 0 holds the place of what is learned.
    var rows = tokens.rows(ids.map { $0 < config.vocabulary ? $0 : 0 })
    let width = config.width
    rows.withMutableElements { out in
      learned.withElements { learned in
        for (place, id) in ids.enumerated() where id >= config.vocabulary {
          for i in 0..<width { out[place * width + i] = learned[(id - config.vocabulary) * width + i] }
        }
      }
    }
    return rows
  }

  /// With more rows `[n, D]` in its table of tokens.
  ///
  /// - Returns: also the first id of these.
  func adding(_ rows: Tensor) -> (model: CLIPTextModel, first: Int) {
    var result = self
    result.learned = learned.map { Tensor.concatenate([$0, rows], axis: 0) } ?? rows
    return (result, config.vocabulary + (learned?.shape[0] ?? 0))
  }

  /// The final layer norm of an earlier hidden state: what "clip skip" feeds to the UNet.
  public func normalized(_ hidden: Tensor) -> Tensor { finalNorm(hidden) }
}
