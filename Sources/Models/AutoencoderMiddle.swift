import Layers

/// The autoencoder's lowest level: a ResNet block, attention over the pixels where the model has it, a ResNet block.
struct AutoencoderMiddle: Sendable {
  private let first, second: ResnetBlock
  private let attention: PixelAttention?

  init(_ p: Parameters, config: AutoencoderConfig) throws {
    let width = config.widths.last!
    first = try config.resnet(p["resnets.0"], inputs: width, outputs: width)
    attention = config.attends ? try PixelAttention(p["attentions.0"], channels: width, groups: config.groups) : nil
    second = try config.resnet(p["resnets.1"], inputs: width, outputs: width)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let h = first(x)
    return second(attention?(h) ?? h)
  }
}

/// Self-attention of one head over the pixels of a map, with biases, after a group norm.
private struct PixelAttention: Sendable {
  private let norm: GroupNorm
  private let query, key, value, out: Linear

  init(_ p: Parameters, channels: Int, groups: Int) throws {
    norm = try GroupNorm(p["group_norm"], channels: channels, groups: groups, epsilon: 1e-6)
    /// Older files have other names, and 1x1 convolutions for the matrices.
    func linear(_ name: String, old: String) throws -> Linear {
      let p = p.weights.contains("\(name).weight") ? p[name] : p[old]
      let weight = try p.weights.tensor("weight", [channels, channels], reshaping: [[channels, channels, 1, 1]])
        .tensor()
      let bias = try p.weights.tensor("bias", [channels]).tensor()
      return Linear(weight: weight, bias: bias, policy: p.policy)
    }
    query = try linear("to_q", old: "query")
    key = try linear("to_k", old: "key")
    value = try linear("to_v", old: "value")
    out = try linear("to_out.0", old: "proj_attn")
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let tokens = [x.shape[0], x.shape[1] * x.shape[2], x.shape[3]]
    let h = norm(x).reshaped(tokens)
    return out(attention(query(h), key(h), value(h), heads: 1), onto: x.reshaped(tokens)).reshaped(x.shape)
  }
}
