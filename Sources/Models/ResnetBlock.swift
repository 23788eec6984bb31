import Layers

/// h = conv₁ silu(norm₁ x) + W silu(t);  y = skip(x) + conv₂ silu(norm₂ h).  Ho et al. 2020 (arXiv 2006.11239), app. B.
struct ResnetBlock: Sendable {
  private let norm1, norm2: GroupNorm
  private let conv1, conv2: Conv2d
  private let time: Linear?
  private let skip: Conv2d?

  /// - Parameter time: width of the time embedding; nil in an autoencoder.
  init(_ p: Parameters, inputs: Int, outputs: Int, time width: Int?, groups: Int, epsilon: Float) throws {
    norm1 = try GroupNorm(p["norm1"], channels: inputs, groups: groups, epsilon: epsilon)
    conv1 = try Conv2d(p["conv1"], inputs: inputs, outputs: outputs)
    time = try width.map { try Linear(p["time_emb_proj"], inputs: $0, outputs: outputs) }
    norm2 = try GroupNorm(p["norm2"], channels: outputs, groups: groups, epsilon: epsilon)
    conv2 = try Conv2d(p["conv2"], inputs: outputs, outputs: outputs)
    skip = inputs == outputs ? nil : try Conv2d(p["conv_shortcut"], inputs: inputs, outputs: outputs, kernel: 1)
  }

  /// - Parameters:
  ///   - x: `[N, H, W, inputs]`.
  ///   - t: silu of the embedded time, `[1, width]`: one time for all rows, so it joins the convolution's bias.
  func callAsFunction(_ x: Tensor, _ t: Tensor? = nil) -> Tensor {
    let offset = t.flatMap { t in time.map { $0(t) } }
    let h = conv1(norm1(x, silu: true), offset: offset)
    return conv2(norm2(h, silu: true), onto: skip?(x) ?? x)
  }
}

/// Halves a map: 3x3 convolution of stride 2.
struct Downsample: Sendable {
  private let conv: Conv2d

  /// - Parameter padding: a UNet pads one pixel on every side, an autoencoder only below and to the right.
  init(_ p: Parameters, channels: Int, padding: Padding) throws {
    conv = try Conv2d(p["conv"], inputs: channels, outputs: channels, stride: 2, padding: padding)
  }

  func callAsFunction(_ x: Tensor) -> Tensor { conv(x) }
}

/// Doubles a map (or enlarges it to a given size) by nearest neighbour, then convolves.
struct Upsample: Sendable {
  private let conv: Conv2d

  init(_ p: Parameters, channels: Int) throws {
    conv = try Conv2d(p["conv"], inputs: channels, outputs: channels)
  }

  func callAsFunction(_ x: Tensor, height: Int? = nil, width: Int? = nil) -> Tensor {
    conv(upsampledNearest(x, height: height ?? 2 * x.shape[1], width: width ?? 2 * x.shape[2]))
  }
}
