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
  func callAsFunction(_ x: Tensor, _ time: Tensor, _ context: Tensor?, skips: inout [Tensor]) -> Tensor {
    var x = x
    for (index, resnet) in resnets.enumerated() {
      x = resnet(x, time)
      if !attentions.isEmpty { x = attentions[index](x, context) }
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

  func callAsFunction(_ x: Tensor, _ time: Tensor, _ context: Tensor?, skips: inout [Tensor]) -> Tensor {
    var x = x
    for (index, resnet) in resnets.enumerated() {
      let skip = skips.removeLast().repeated(toRows: x.shape[0])
      x = resnet(Tensor.concatenate([x, skip], axis: 3), time)
      if !attentions.isEmpty { x = attentions[index](x, context) }
    }
    // Where a map's size was odd on the way down, the next level's skips say what it was.
    guard let upsample else { return x }
    return upsample(x, time, height: skips.last?.shape[1], width: skips.last?.shape[2])
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

  func callAsFunction(_ x: Tensor, _ time: Tensor, _ context: Tensor?) -> Tensor {
    var x = first(x, time)
    if let attention { x = attention(x, context) }
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
          p, channels: level.channels, groups: config.groups, epsilon: config.epsilon, heads: level.heads))
    }
  }

  func callAsFunction(_ x: Tensor, _ context: Tensor?) -> Tensor {
    switch self {
    case .transformer(let layer): context.map { layer(x, $0) } ?? x
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
      self = .down(try Downsample(p, channels: channels, padding: .same(config.downsamplePadding)))
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
  func resnet(
    _ p: Parameters, inputs: Int, outputs: Int, resizing: ResnetBlock.Resizing? = nil
  ) throws -> ResnetBlock {
    try ResnetBlock(
      p, inputs: inputs, outputs: outputs, time: timeWidth, groups: groups, epsilon: epsilon, resizing: resizing)
  }
}
