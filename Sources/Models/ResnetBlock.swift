import Layers

/// h = conv₁ silu(norm₁ x) + W silu(t);  y = skip(x) + conv₂ silu(norm₂ h).  Ho et al. 2020 (arXiv 2006.11239), app. B.
///
/// Or time scales and shifts: h = conv₁ silu(norm₁ x);  y = skip(x) + conv₂ silu((1 + s) norm₂ h + r),  (s, r) = W silu(t).
/// Nichol & Dhariwal 2021 (arXiv 2102.09672), app. A.
struct ResnetBlock: Sendable {
  /// Of x and of silu(norm₁ x) alike, without weights (Song et al. 2021, arXiv:2011.13456, app. H).
  enum Resizing: Sendable { case half, double }

  private let norm1, norm2: GroupNorm
  private let conv1, conv2: Conv2d
  private let time: Linear?
  private let skip: Conv2d?
  private let resizing: Resizing?
  private let timeScales: Bool

  /// - Parameter time: width of the time embedding; nil in an autoencoder.
  init(
    _ p: Parameters, inputs: Int, outputs: Int, time width: Int?, timeScales: Bool = false, groups: Int, epsilon: Float,
    resizing: Resizing? = nil
  ) throws {
    (self.resizing, self.timeScales) = (resizing, timeScales)
    norm1 = try GroupNorm(p["norm1"], channels: inputs, groups: groups, epsilon: epsilon)
    conv1 = try Conv2d(p["conv1"], inputs: inputs, outputs: outputs)
    time = try width.map {
      try Linear(p.fine["time_emb_proj"], inputs: $0, outputs: timeScales ? 2 * outputs : outputs)
    }
    norm2 = try GroupNorm(p["norm2"], channels: outputs, groups: groups, epsilon: epsilon)
    conv2 = try Conv2d(p["conv2"], inputs: outputs, outputs: outputs)
    skip = inputs == outputs ? nil : try Conv2d(p["conv_shortcut"], inputs: inputs, outputs: outputs, kernel: 1)
  }

  /// - Parameters:
  ///   - x: `[N, H, W, inputs]`.
  ///   - t: silu of the embedded time: `[1, width]`, one time for all rows, which joins the convolution's bias; or
  ///     `[N, width]`, where text or sizes are embedded with it.
  func callAsFunction(_ x: Tensor, _ t: Tensor? = nil) -> Tensor {
    let (h, x) = (resized(norm1(x, silu: true)), resized(x))
    let shift = t.flatMap { t in time.map { $0(t) } }
    if timeScales, let shift { return conv2(scaled(conv1(h), by: shift), onto: skip?(x) ?? x) }
    let first =
      if let shift, shift.shape[0] > 1 { conv1(h).shifted(by: shift) } else { conv1(h, offset: shift) }
    return conv2(norm2(first, silu: true), onto: skip?(x) ?? x)
  }

  /// silu((1 + s) norm₂ h + r), of one time for all rows or a time a row.
  private func scaled(_ h: Tensor, by change: Tensor) -> Tensor {
    guard change.shape[0] > 1 else { return norm2.adapted(by: change)(h, silu: true) }
    let rows = (0..<change.shape[0]).map { row in
      norm2.adapted(by: change.slice(axis: 0, row..<(row + 1)))(h.slice(axis: 0, row..<(row + 1)), silu: true)
    }
    return Tensor.concatenate(rows, axis: 0)
  }

  private func resized(_ x: Tensor) -> Tensor {
    switch resizing {
    case nil: x
    case .half: x.halved()
    case .double: upsampledNearest(x, height: 2 * x.shape[1], width: 2 * x.shape[2])
    }
  }
}

/// Halves a map: 3x3 convolution of stride 2.
struct Downsample: Sendable {
  private let conv: Conv2d

  /// - Parameter padding: most UNets pad one pixel on every side, an autoencoder only below and to the right.
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
    let (height, width) = (height ?? 2 * x.shape[1], width ?? 2 * x.shape[2])
    if height == 2 * x.shape[1] && width == 2 * x.shape[2] { return conv(enlarged: x) }
    return conv(upsampledNearest(x, height: height, width: width))
  }
}

extension Tensor {
  /// A map `[N, H, W, C]` with `rows` `[N, C]` added to every pixel, in place where nothing else holds it.
  fileprivate consuming func shifted(by rows: Tensor) -> Tensor {
    let (n, pixels, channels) = (shape[0], shape[1] * shape[2], shape[3])
    precondition(rows.shape == [n, channels], "rows \(rows.shape) for a map \(shape)")
    withMutableElements { out in
      rows.withElements { rows in
        for i in 0..<n {
          for pixel in 0..<pixels {
            let start = (i * pixels + pixel) * channels
            for c in 0..<channels { out[start + c] += rows[i * channels + c] }
          }
        }
      }
    }
    return self
  }

  /// A map `[N, H, W, C]` at half the size, rounded down: the mean of each four pixels.
  fileprivate func halved() -> Tensor {
    let (n, h, w, c) = (shape[0], shape[1] / 2, shape[2] / 2, shape[3])
    let line = shape[2] * c
    return Tensor(shape: [n, h, w, c]) { out in
      withElements { x in
        for i in 0..<n {
          for y in 0..<h {
            for column in 0..<w {
              let source = (i * shape[1] + 2 * y) * line + 2 * column * c
              let target = ((i * h + y) * w + column) * c
              for k in 0..<c {
                let sum = x[source + k] + x[source + c + k] + x[source + line + k] + x[source + line + c + k]
                out[target + k] = 0.25 * sum
              }
            }
          }
        }
      }
    }
  }
}
