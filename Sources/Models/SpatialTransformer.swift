import Layers

/// What transformers are given beside a map.
struct TransformerInput: Sendable {
  /// The text, `[N, T, D]`.
  var context: Tensor?
  var merging: TokenMerging?

  var unmerged: TransformerInput { TransformerInput(context: context) }
}

/// Attention over the pixels of a map and the tokens of a text (Rombach et al. 2022, arXiv 2112.10752, app. E.2.1).
struct SpatialTransformer: Sendable {
  private enum Projection: Sendable {
    case convolution(Conv2d)
    case linear(Linear)
  }

  private let norm: GroupNorm
  private let projectIn, projectOut: Projection
  private let blocks: [TransformerBlock]

  init(_ p: Parameters, channels: Int, heads: Int, depth: Int, config: UNetConfig, onlyCross: Bool) throws {
    norm = try GroupNorm(p["norm"], channels: channels, groups: config.groups, epsilon: 1e-6)
    func projection(_ name: String) throws -> Projection {
      config.linearProjection
        ? .linear(try Linear(p[name], inputs: channels, outputs: channels))
        : .convolution(try Conv2d(p[name], inputs: channels, outputs: channels, kernel: 1))
    }
    projectIn = try projection("proj_in")
    blocks = try (0..<depth).map {
      try TransformerBlock(
        p["transformer_blocks.\($0)"], channels: channels, heads: heads, context: config.contextWidth,
        onlyCross: onlyCross)
    }
    projectOut = try projection("proj_out")
  }

  /// - Parameters:
  ///   - x: `[N, H, W, C]`, or one row for all N.
  ///   - context: `[N, T, D]`.
  ///   - merging: of the map's tokens where they attend to each other.
  func callAsFunction(_ x: Tensor, _ context: Tensor, merging: TokenMerging? = nil) -> Tensor {
    let tokens = [x.shape[0], x.shape[1] * x.shape[2], x.shape[3]]
    let rows = context.shape[0]
    let h = norm(x)
    let first =
      switch projectIn {
      case .convolution(let layer): layer(h)
      case .linear(let layer): layer(h)
      }
    let x = x.repeated(toRows: rows)
    let merging = merging?.over(height: x.shape[1], width: x.shape[2])
    let last = blocks.reduce(first.reshaped(tokens)) { $1($0, context, merging) }.reshaped(x.shape)
    return switch projectOut {
    case .convolution(let layer): layer(last, onto: x)
    case .linear(let layer): layer(last, onto: x)
    }
  }
}

/// x += attn₁(norm₁ x);  x += attn₂(norm₂ x, context);  x += W geglu(norm₃ x).
struct TransformerBlock: Sendable {
  private let norm1, norm2, norm3: LayerNorm
  private let attention1, attention2: MultiHeadAttention
  private let widen: GEGLU
  private let narrow: Linear
  private let onlyCross: Bool
  private let policy: KernelPolicy

  init(_ p: Parameters, channels: Int, heads: Int, context: Int, onlyCross: Bool) throws {
    self.onlyCross = onlyCross
    policy = p.policy.fine
    norm1 = try LayerNorm(p["norm1"], width: channels)
    attention1 = try MultiHeadAttention(
      p["attn1"], width: channels, source: onlyCross ? context : channels, heads: heads)
    norm2 = try LayerNorm(p["norm2"], width: channels)
    attention2 = try MultiHeadAttention(p["attn2"], width: channels, source: context, heads: heads)
    norm3 = try LayerNorm(p["norm3"], width: channels)
    widen = try GEGLU(p["ff.net.0.proj"], inputs: channels, width: 4 * channels)
    narrow = try Linear(p["ff.net.2"], inputs: 4 * channels, outputs: channels)
  }

  func callAsFunction(_ x: consuming Tensor, _ context: Tensor, _ merging: TokenMerging?) -> Tensor {
    let rows = context.shape[0]
    var x = x
    if onlyCross {
      // The first attention reads the text too (x4-upscaler).
      x = x.repeated(toRows: rows)
      x = attention1(norm1(x), context, onto: x)
    } else if let matching = merging?.matching(x, policy) {
      let own = matching.merged(norm1(x))
      x = matching.restored(attention1(own, own), onto: x).repeated(toRows: rows)
    } else {
      let own = norm1(x)
      x = attention1(own, own, onto: x).repeated(toRows: rows)
    }
    x = attention2(norm2(x), context, onto: x)
    let wide = widen(norm3(x))
    return narrow(wide, onto: x)
  }
}

/// Queries from x, keys and values from `source`; keys, queries and values have no bias, the output has one.
struct MultiHeadAttention: Sendable {
  private let query, key, value, out: Linear
  private let heads: Int
  private let half: Bool

  init(_ p: Parameters, width: Int, source: Int, heads: Int) throws {
    self.heads = heads
    half = p.policy.isHalf
    query = try Linear(p["to_q"], inputs: width, outputs: width, bias: false)
    // What the text gives takes next to no time.
    let given = source == width ? p : p.fine
    key = try Linear(given["to_k"], inputs: source, outputs: width, bias: false)
    value = try Linear(given["to_v"], inputs: source, outputs: width, bias: false)
    out = try Linear(p["to_out.0"], inputs: width, outputs: width)
  }

  func callAsFunction(_ x: Tensor, _ source: Tensor) -> Tensor { out(attended(x, source)) }

  func callAsFunction(_ x: Tensor, _ source: Tensor, onto residual: consuming Tensor) -> Tensor {
    out(attended(x, source), onto: residual)
  }

  private func attended(_ x: Tensor, _ source: Tensor) -> Tensor {
    attention(query(x), key(source), value(source), heads: heads, half: half)
  }
}
