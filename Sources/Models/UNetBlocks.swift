import Layers

/// One level of the UNet's way down: ResNet blocks, each with attention where the level attends; then half the size.
struct DownBlock: Sendable {
  private let resnets: [ResnetBlock]
  private let attentions: [LevelAttention]
  private let downsample: LevelResizing?

  init(_ p: Parameters, level: UNetConfig.Level, config: UNetConfig) throws {
    resnets = try (0..<level.layers).map {
      try config.resnet(p["resnets.\($0)"], inputs: $0 == 0 ? level.inputs : level.channels, outputs: level.channels)
    }
    attentions = try (0..<level.layers).compactMap { try LevelAttention(p["attentions.\($0)"], level, config) }
    downsample = try LevelResizing(p["downsamplers.0"], level, config, grows: false)
  }

  /// Appends what the way up will need to `skips`.
  func callAsFunction(_ x: Tensor, _ time: Tensor, _ beside: TransformerInput, skips: inout [Tensor]) -> Tensor {
    var x = x
    for (index, resnet) in resnets.enumerated() {
      x = resnet(x, time)
      if !attentions.isEmpty { x = attentions[index](x, beside) }
      skips.append(x)
    }
    if let downsample {
      x = downsample(x, time)
      skips.append(x)
    }
    return x
  }
}

/// One level of the way up: as many ResNet blocks and one more, each joined with a skip; then twice the size.
struct UpBlock: Sendable {
  private let resnets: [ResnetBlock]
  private let attentions: [LevelAttention]
  private let upsample: LevelResizing?

  /// - Parameter skips: channels of the skips in the order of their use.
  init(_ p: Parameters, level: UNetConfig.Level, skips: [Int], config: UNetConfig) throws {
    resnets = try skips.enumerated().map { index, skip in
      try config.resnet(
        p["resnets.\(index)"], inputs: (index == 0 ? level.inputs : level.channels) + skip, outputs: level.channels)
    }
    attentions = try skips.indices.compactMap { try LevelAttention(p["attentions.\($0)"], level, config) }
    upsample = try LevelResizing(p["upsamplers.0"], level, config, grows: true)
  }

  /// - Parameter isTop: leaves the last ResNet block, and the last of `skips`, to `last`.
  func callAsFunction(
    _ x: Tensor, _ time: Tensor, _ beside: TransformerInput, skips: inout [Tensor], isTop: Bool
  ) -> Tensor {
    var x = x
    for index in resnets.indices.dropLast(isTop ? 1 : 0) {
      x = layer(index, x, time, beside, skip: skips.removeLast())
    }
    // Where a map's size was odd on the way down, the next level's skips say what it was.
    guard let upsample else { return x }
    return upsample(x, time, height: skips.last?.shape[1], width: skips.last?.shape[2])
  }

  func last(_ x: Tensor, _ time: Tensor, _ beside: TransformerInput, skip: Tensor) -> Tensor {
    layer(resnets.count - 1, x, time, beside, skip: skip)
  }

  private func layer(
    _ index: Int, _ x: Tensor, _ time: Tensor, _ beside: TransformerInput, skip: Tensor
  ) -> Tensor {
    let x = resnets[index](Tensor.concatenate([x, skip.repeated(toRows: x.shape[0])], axis: 3), time)
    return attentions.isEmpty ? x : attentions[index](x, beside)
  }
}

/// The lowest level: a ResNet block, attention where the model attends there, and another block.
struct MiddleBlock: Sendable {
  private let first: ResnetBlock
  private let attention: LevelAttention?
  private let second: ResnetBlock?

  init(_ p: Parameters, level: UNetConfig.Level, config: UNetConfig) throws {
    func resnet(_ index: Int) throws -> ResnetBlock {
      try config.resnet(p["resnets.\(index)"], inputs: level.channels, outputs: level.channels)
    }
    first = try resnet(0)
    attention = try LevelAttention(p["attentions.0"], level, config)
    second = level.layers > 1 ? try resnet(1) : nil
  }

  func callAsFunction(_ x: Tensor, _ time: Tensor, _ beside: TransformerInput) -> Tensor {
    var x = first(x, time)
    if let attention { x = attention(x, beside) }
    return second?(x, time) ?? x
  }
}

/// What follows a ResNet block.
enum LevelAttention: Sendable {
  case transformer(SpatialTransformer)
  case pixels(PixelAttention)

  /// nil where the level does not attend.
  init?(_ p: Parameters, _ level: UNetConfig.Level, _ config: UNetConfig) throws {
    switch level.attention {
    case .none: return nil
    case .transformer:
      self = .transformer(
        try SpatialTransformer(
          p, channels: level.channels, heads: level.heads, depth: level.depth, config: config,
          onlyCross: level.onlyCross))
    case .pixels:
      self = .pixels(
        try PixelAttention(
          p, channels: level.channels, groups: level.attentionGroups, epsilon: config.epsilon, heads: level.heads))
    }
  }

  func callAsFunction(_ x: Tensor, _ beside: TransformerInput) -> Tensor {
    switch self {
    case .transformer(let layer): beside.context.map { layer(x, $0, merging: beside.merging) } ?? x
    case .pixels(let layer): layer(x)
    }
  }
}

/// What stands between two levels.
enum LevelResizing: Sendable {
  case down(Downsample)
  case up(Upsample)
  case resnet(ResnetBlock)

  /// nil at the last level.
  init?(_ p: Parameters, _ level: UNetConfig.Level, _ config: UNetConfig, grows: Bool) throws {
    let channels = level.channels
    switch level.resizing {
    case .none: return nil
    case .convolution where grows: self = .up(try Upsample(p, channels: channels))
    case .convolution:
      self = .down(try Downsample(p, channels: channels, padding: config.downsampling))
    case .resnet:
      self = .resnet(try config.resnet(p, inputs: channels, outputs: channels, resizing: grows ? .double : .half))
    }
  }

  func callAsFunction(_ x: Tensor, _ time: Tensor, height: Int? = nil, width: Int? = nil) -> Tensor {
    switch self {
    case .down(let layer): layer(x)
    case .up(let layer): layer(x, height: height, width: width)
    case .resnet(let layer): layer(x, time)
    }
  }
}

extension UNetConfig {
  /// Of the convolutions that halve a map. diffusers' 0 means one pixel below and to the right, as in an autoencoder.
  fileprivate var downsampling: Padding {
    downsamplePadding == 0 ? Padding(top: 0, left: 0, bottom: 1, right: 1) : .same(1)
  }

  func resnet(
    _ p: Parameters, inputs: Int, outputs: Int, resizing: ResnetBlock.Resizing? = nil
  ) throws -> ResnetBlock {
    try ResnetBlock(
      p, inputs: inputs, outputs: outputs, time: timeWidth, timeScales: timeScales, groups: groups, epsilon: epsilon,
      resizing: resizing)
  }
}
