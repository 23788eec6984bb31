import Layers

/// One level of the UNet's way down: ResNet blocks, each with a transformer where the level attends; then half the size.
struct DownBlock: Sendable {
  private let resnets: [ResnetBlock]
  private let transformers: [SpatialTransformer]
  private let downsample: Downsample?

  init(_ p: Parameters, level: UNetConfig.Level, config: UNetConfig) throws {
    resnets = try (0..<level.layers).map {
      try ResnetBlock(
        p["resnets.\($0)"], inputs: $0 == 0 ? level.inputs : level.channels, outputs: level.channels,
        time: config.timeWidth, groups: config.groups, epsilon: config.epsilon)
    }
    transformers =
      try level.attends ? (0..<level.layers).map { try level.transformer(p["attentions.\($0)"], config) } : []
    downsample =
      level.resizes
      ? try Downsample(p["downsamplers.0"], channels: level.channels, padding: .same(config.downsamplePadding)) : nil
  }

  /// Appends what the way up will need to `skips`.
  func callAsFunction(_ x: Tensor, _ time: Tensor, _ context: Tensor?, skips: inout [Tensor]) -> Tensor {
    var x = x
    for (index, resnet) in resnets.enumerated() {
      x = resnet(x, time)
      if let context, !transformers.isEmpty { x = transformers[index](x, context) }
      skips.append(x)
    }
    if let downsample {
      x = downsample(x)
      skips.append(x)
    }
    return x
  }
}

/// One level of the way up: as many ResNet blocks and one more, each joined with a skip; then twice the size.
struct UpBlock: Sendable {
  private let resnets: [ResnetBlock]
  private let transformers: [SpatialTransformer]
  private let upsample: Upsample?

  /// - Parameter skips: channels of the skips in the order of their use.
  init(_ p: Parameters, level: UNetConfig.Level, skips: [Int], config: UNetConfig) throws {
    resnets = try skips.enumerated().map { index, skip in
      try ResnetBlock(
        p["resnets.\(index)"], inputs: (index == 0 ? level.inputs : level.channels) + skip, outputs: level.channels,
        time: config.timeWidth, groups: config.groups, epsilon: config.epsilon)
    }
    transformers = try level.attends ? skips.indices.map { try level.transformer(p["attentions.\($0)"], config) } : []
    upsample = level.resizes ? try Upsample(p["upsamplers.0"], channels: level.channels) : nil
  }

  func callAsFunction(_ x: Tensor, _ time: Tensor, _ context: Tensor?, skips: inout [Tensor]) -> Tensor {
    var x = x
    for (index, resnet) in resnets.enumerated() {
      x = resnet(Tensor.concatenate([x, skips.removeLast()], axis: 3), time)
      if let context, !transformers.isEmpty { x = transformers[index](x, context) }
    }
    // Where a map's size was odd on the way down, the next level's skips say what it was.
    guard let upsample else { return x }
    return upsample(x, height: skips.last?.shape[1], width: skips.last?.shape[2])
  }
}

/// The lowest level: a ResNet block, and, where the model attends there, a transformer and another block.
struct MiddleBlock: Sendable {
  private let first: ResnetBlock
  private let transformer: SpatialTransformer?
  private let second: ResnetBlock?

  init(_ p: Parameters, level: UNetConfig.Level, config: UNetConfig) throws {
    func resnet(_ index: Int) throws -> ResnetBlock {
      try ResnetBlock(
        p["resnets.\(index)"], inputs: level.channels, outputs: level.channels, time: config.timeWidth,
        groups: config.groups, epsilon: config.epsilon)
    }
    first = try resnet(0)
    transformer = level.attends ? try level.transformer(p["attentions.0"], config) : nil
    second = level.attends ? try resnet(1) : nil
  }

  func callAsFunction(_ x: Tensor, _ time: Tensor, _ context: Tensor?) -> Tensor {
    var x = first(x, time)
    if let context, let transformer { x = transformer(x, context) }
    return second?(x, time) ?? x
  }
}

extension UNetConfig.Level {
  func transformer(_ p: Parameters, _ config: UNetConfig) throws -> SpatialTransformer {
    try SpatialTransformer(p, channels: channels, heads: heads, depth: depth, config: config, onlyCross: onlyCross)
  }
}
