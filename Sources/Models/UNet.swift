import Diffusion
import Layers

/// diffusers' `UNet2DConditionModel`, the denoising network of Stable Diffusion (Rombach et al. 2022, arXiv 2112.10752,
/// sec. 3.2), and `UNet2DModel`, which reads no text. Inside, maps are channels-last.
public struct UNet: Sendable {
  public let config: UNetConfig
  private let convIn, convOut: Conv2d
  private let time1, time2: Linear
  private let classes: Tensor?
  private let added: (first: Linear, second: Linear)?
  private let guidance: Linear?
  private let down: [DownBlock]
  private let middle: MiddleBlock?
  private let up: [UpBlock]
  private let normOut: GroupNorm

  /// - Throws: `WeightsError` where a tensor is missing or has another shape than `config` says.
  public init(_ p: Parameters, config: UNetConfig) throws {
    self.config = config
    let first = config.levels[0].channels
    convIn = try Conv2d(p["conv_in"], inputs: config.inputChannels, outputs: first)
    time1 = try Linear(p.fine["time_embedding.linear_1"], inputs: first, outputs: config.timeWidth)
    time2 = try Linear(p.fine["time_embedding.linear_2"], inputs: config.timeWidth, outputs: config.timeWidth)
    classes = try config.classes.map {
      try p.weights["class_embedding"].tensor("weight", [$0, config.timeWidth]).tensor()
    }
    added = try config.addition.map {
      let p = p.fine["add_embedding"]
      return (
        try Linear(p["linear_1"], inputs: $0.inputs, outputs: config.timeWidth),
        try Linear(p["linear_2"], inputs: config.timeWidth, outputs: config.timeWidth)
      )
    }
    guidance = try config.guidanceWidth.map {
      try Linear(p.fine["time_embedding.cond_proj"], inputs: $0, outputs: first, bias: false)
    }
    // What repays its weights' memory where maps are large, at the size that the model was made for.
    func at(depth: Int) -> Parameters { config.sampleSize >> depth >= 16 ? p.roomy : p }
    down = try config.levels.enumerated().map { index, level in
      try DownBlock(at(depth: index)["down_blocks.\(index)"], level: level, config: config)
    }
    middle = try config.middle.map { try MiddleBlock(p["mid_block"], level: $0, config: config) }
    var skips = config.skipChannels
    up = try config.upLevels.enumerated().map { index, level in
      let own = Array(skips.suffix(level.layers).reversed())
      skips.removeLast(level.layers)
      let p = at(depth: config.levels.count - 1 - index)
      return try UpBlock(p["up_blocks.\(index)"], level: level, skips: own, config: config)
    }
    normOut = try GroupNorm(p["conv_norm_out"], channels: first, groups: config.groups, epsilon: config.epsilon)
    convOut = try Conv2d(p["conv_out"], inputs: first, outputs: config.outputChannels)
  }

  /// - Returns: `[R, outputChannels, h, w]` for `input.latents` `[R, inputChannels, h, w]`.
  public func callAsFunction(_ input: DenoiserInput) -> Tensor { run(input).output }

  /// - Parameters:
  ///   - deep: what an earlier run gave as such; the layers that made it are left out.
  ///   - merging: of tokens, at `config.mergedLevel`.
  /// - Returns: the output, and the map that its last ResNet block reads beside the first skip: `[R or 1, h, w, C]`.
  package func run(
    _ input: DenoiserInput, deep: Tensor? = nil, merging: TokenMerging? = nil
  ) -> (output: Tensor, deep: Tensor) {
    let time = Activation.silu(embed(input))
    // Guided rows begin alike: all before the first look at the text is computed once.
    let alike = time.shape[0] == 1 && input.latents.hasEqualRows
    let latents = alike ? input.latents.slice(axis: 0, 0..<1) : input.latents
    let first = convIn(latents.channelsLast())
    func beside(_ level: Int) -> TransformerInput {
      TransformerInput(context: input.context, merging: level == config.mergedLevel ? merging : nil)
    }
    let deep = deep ?? self.deep(first, time, beside)
    let x = up[up.count - 1].last(deep, time, beside(0), skip: first)
    let output = convOut(normOut(x, silu: true)).channelsFirst().repeated(toRows: input.latents.shape[0])
    return (output, deep)
  }

  /// All between the first convolution and the last ResNet block.
  private func deep(_ first: Tensor, _ time: Tensor, _ beside: (_ level: Int) -> TransformerInput) -> Tensor {
    var (x, skips) = (first, [first])
    for (level, block) in down.enumerated() { x = block(x, time, beside(level), skips: &skips) }
    if let middle { x = middle(x, time, beside(down.count - 1).unmerged) }
    for (index, block) in up.enumerated() {
      x = block(x, time, beside(up.count - 1 - index), skips: &skips, isTop: index == up.count - 1)
    }
    return x
  }

  /// Time, guidance, class, and text with sizes: `[1, timeWidth]` where they are the same for all rows, else a row each.
  private func embed(_ input: DenoiserInput) -> Tensor {
    var waves = sinusoids(
      timestep: input.timestep, width: config.levels[0].channels, flip: config.flipSinToCos,
      shift: config.frequencyShift)
    if let guidance, let width = config.guidanceWidth, let strength = input.guidance {
      // Sines first, and frequencies that reach 1/10000, whatever the config says of time.
      waves = waves + guidance(sinusoids(timestep: 1000 * (strength - 1), width: width, flip: false, shift: 1))
    }
    var time = time2(Activation.silu(time1(waves)))
    if let classes, case .index(let row) = input.label { time = time + classes.slice(axis: 0, row..<(row + 1)) }
    guard let added, let addition = config.addition, let pooled = input.pooled, let micro = input.micro else {
      return time
    }
    let numbers = micro.flatMap { row in
      row.map {
        sinusoids(timestep: $0, width: addition.width, flip: config.flipSinToCos, shift: config.frequencyShift)
      }
    }
    let rows = Tensor.concatenate(numbers, axis: 1).reshaped([micro.count, micro[0].count * addition.width])
    let text = added.second(Activation.silu(added.first(Tensor.concatenate([pooled, rows], axis: 1))))
    return time.repeated(micro.count) + text
  }
}

extension Tensor {
  /// Whether all rows of the first axis hold the same numbers.
  fileprivate var hasEqualRows: Bool {
    withElements { all in
      let row = all.count / shape[0]
      return (1..<max(shape[0], 1)).allSatisfy { all[($0 * row)..<(($0 + 1) * row)].elementsEqual(all[0..<row]) }
    }
  }

  /// The one row, `rows` times; as it is where it has them.
  func repeated(toRows rows: Int) -> Tensor { shape[0] == rows ? self : repeated(rows) }
}
