import Layers

/// Picture `[N, H, W, 3]` → maps f times smaller, `[N, H/f, W/f, outputs]`.
struct Encoder: Sendable {
  private let convIn, convOut: Conv2d
  private let levels: [(blocks: AutoencoderLevel, downsample: Downsample?)]
  private let middle: AutoencoderMiddle
  private let normOut: GroupNorm

  init(_ p: Parameters, config: AutoencoderConfig, outputs: Int) throws {
    let widths = config.widths
    convIn = try Conv2d(p["conv_in"], inputs: config.imageChannels, outputs: widths[0])
    levels = try widths.indices.map { i in
      let q = p["down_blocks.\(i)"]
      let padding = Padding(top: 0, left: 0, bottom: 1, right: 1)
      let last = i == widths.count - 1
      return (
        try AutoencoderLevel(
          q, inputs: widths[max(i - 1, 0)], outputs: widths[i], layers: config.layers, attends: config.attendsDown[i],
          config: config),
        last ? nil : try Downsample(q["downsamplers.0"], channels: widths[i], padding: padding)
      )
    }
    middle = try AutoencoderMiddle(p["mid_block"], width: widths.last!, config: config)
    normOut = try GroupNorm(p["conv_norm_out"], channels: widths.last!, groups: config.groups, epsilon: 1e-6)
    convOut = try Conv2d(p["conv_out"], inputs: widths.last!, outputs: outputs)
  }

  func callAsFunction(_ picture: Tensor) -> Tensor {
    var x = convIn(picture)
    for level in levels {
      x = level.blocks(x)
      x = level.downsample?(x) ?? x
    }
    return convOut(normOut(middle(x), silu: true))
  }
}

/// The way back: maps `[N, h, w, C]` → picture `[N, f h, f w, 3]`.
///
/// Where its levels do not enlarge to the picture's size, the last convolution makes a square of pixels of each place (Shi et
/// al. 2016, arXiv 1609.05158, eq. 4): full-size maps are what a decoder spends most of its time on.
struct Decoder: Sendable {
  private let convIn, convOut: Conv2d
  private let middle: AutoencoderMiddle
  private let levels: [(blocks: AutoencoderLevel, upsample: Upsample?)]
  private let normOut: GroupNorm
  private let patch: Int

  init(_ p: Parameters, config: AutoencoderConfig) throws {
    let widths = Array(config.decoderWidths.reversed())
    patch = config.patch
    convIn = try Conv2d(p["conv_in"], inputs: config.latentChannels, outputs: widths[0])
    middle = try AutoencoderMiddle(p["mid_block"], width: widths[0], config: config)
    levels = try widths.indices.map { i in
      let q = p["up_blocks.\(i)"]
      let last = i == widths.count - 1
      return (
        try AutoencoderLevel(
          q, inputs: widths[max(i - 1, 0)], outputs: widths[i], layers: config.decoderLayers + 1,
          attends: config.attendsUp[widths.count - 1 - i], config: config),
        last ? nil : try Upsample(q["upsamplers.0"], channels: widths[i])
      )
    }
    normOut = try GroupNorm(p["conv_norm_out"], channels: widths.last!, groups: config.groups, epsilon: 1e-6)
    convOut = try Conv2d(p["conv_out"], inputs: widths.last!, outputs: config.imageChannels * patch * patch)
  }

  func callAsFunction(_ z: Tensor) -> Tensor {
    var x = middle(convIn(z))
    for level in levels {
      x = level.blocks(x)
      x = level.upsample?(x) ?? x
    }
    let picture = convOut(normOut(x, silu: true))
    return patch == 1 ? picture : pixelShuffled(picture, by: patch)
  }
}

/// ResNet blocks of one resolution, each with attention where the level attends.
private struct AutoencoderLevel: Sendable {
  private let resnets: [ResnetBlock]
  private let attentions: [PixelAttention]

  init(_ p: Parameters, inputs: Int, outputs: Int, layers: Int, attends: Bool, config: AutoencoderConfig) throws {
    resnets = try (0..<layers).map {
      try config.resnet(p["resnets.\($0)"], inputs: $0 == 0 ? inputs : outputs, outputs: outputs)
    }
    attentions = try (0..<(attends ? layers : 0)).map {
      try PixelAttention(p["attentions.\($0)"], channels: outputs, groups: config.groups)
    }
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    var x = x
    for (index, resnet) in resnets.enumerated() {
      x = resnet(x)
      if !attentions.isEmpty { x = attentions[index](x) }
    }
    return x
  }
}
