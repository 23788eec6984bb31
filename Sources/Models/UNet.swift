import Diffusion
import Layers

/// diffusers' `UNet2DConditionModel`: the denoising network of Stable Diffusion (Rombach et al. 2022, arXiv 2112.10752,
/// sec. 3.2). Inside, maps are channels-last.
public struct UNet: Sendable {
  public let config: UNetConfig
  private let convIn, convOut: Conv2d
  private let time1, time2: Linear
  private let classes: Tensor?
  private let down: [DownBlock]
  private let middle: MiddleBlock?
  private let up: [UpBlock]
  private let normOut: GroupNorm

  /// - Throws: `WeightsError` where a tensor is missing or has another shape than `config` says.
  public init(_ p: Parameters, config: UNetConfig) throws {
    self.config = config
    let first = config.levels[0].channels
    convIn = try Conv2d(p["conv_in"], inputs: config.inputChannels, outputs: first)
    time1 = try Linear(p["time_embedding.linear_1"], inputs: first, outputs: config.timeWidth)
    time2 = try Linear(p["time_embedding.linear_2"], inputs: config.timeWidth, outputs: config.timeWidth)
    classes = try config.classes.map {
      try p.weights["class_embedding"].tensor("weight", [$0, config.timeWidth]).tensor()
    }
    down = try config.levels.enumerated().map { index, level in
      try DownBlock(p["down_blocks.\(index)"], level: level, config: config)
    }
    middle = try config.middle.map { try MiddleBlock(p["mid_block"], level: $0, config: config) }
    var skips = config.skipChannels
    up = try config.upLevels.enumerated().map { index, level in
      let own = Array(skips.suffix(level.layers).reversed())
      skips.removeLast(level.layers)
      return try UpBlock(p["up_blocks.\(index)"], level: level, skips: own, config: config)
    }
    normOut = try GroupNorm(p["conv_norm_out"], channels: first, groups: config.groups, epsilon: config.epsilon)
    convOut = try Conv2d(p["conv_out"], inputs: first, outputs: config.outputChannels)
  }

  /// - Parameters:
  ///   - latents: `[N, inputChannels, h, w]`.
  ///   - timestep: 0..<1000, may be fractional; the same for all rows.
  ///   - context: `[N, T, D]`; read where the model attends.
  ///   - label: row of the class embedding.
  /// - Returns: `[N, outputChannels, h, w]`.
  public func callAsFunction(_ latents: Tensor, timestep: Double, context: Tensor?, label: Int? = nil) -> Tensor {
    let time = Activation.silu(embed(timestep, label))
    var x = convIn(latents.channelsLast())
    var skips = [x]
    for block in down { x = block(x, time, context, skips: &skips) }
    if let middle { x = middle(x, time, context) }
    for block in up { x = block(x, time, context, skips: &skips) }
    return convOut(normOut(x, silu: true)).channelsFirst()
  }

  /// `[1, timeWidth]`.
  private func embed(_ timestep: Double, _ label: Int?) -> Tensor {
    let waves = sinusoids(
      timestep: timestep, width: config.levels[0].channels, flip: config.flipSinToCos, shift: config.frequencyShift)
    let time = time2(Activation.silu(time1(waves)))
    guard let classes, let label else { return time }
    return time + classes.slice(axis: 0, label..<(label + 1))
  }
}
