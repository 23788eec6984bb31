import Layers

/// Self-attention over the pixels of a map, with biases, after a group norm: of the autoencoders and of the first
/// latent-diffusion UNets.
struct PixelAttention: Sendable {
  private let norm: GroupNorm?
  private let half: Bool
  private let query, key, value, out: Linear
  private let heads: Int

  /// - Parameter groups: of the norm before it; nil where there is none.
  init(_ p: Parameters, channels: Int, groups: Int?, epsilon: Float = 1e-6, heads: Int = 1) throws {
    self.heads = heads
    half = p.policy.isHalf
    norm = try groups.map { try GroupNorm(p["group_norm"], channels: channels, groups: $0, epsilon: epsilon) }
    /// Older files have other names, and 1x1 convolutions for the matrices.
    func linear(_ name: String, old: String) throws -> Linear {
      let p = p.weights.contains("\(name).weight") ? p[name] : p[old]
      return try Linear(p, inputs: channels, outputs: channels, reshaping: [[channels, channels, 1, 1]])
    }
    query = try linear("to_q", old: "query")
    key = try linear("to_k", old: "key")
    value = try linear("to_v", old: "value")
    out = try linear("to_out.0", old: "proj_attn")
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let tokens = [x.shape[0], x.shape[1] * x.shape[2], x.shape[3]]
    let h = (norm?(x) ?? x).reshaped(tokens)
    return out(attention(query(h), key(h), value(h), heads: heads, half: half), onto: x.reshaped(tokens)).reshaped(
      x.shape)
  }
}
