import Weights

/// The levels of a UNet, as diffusers' lists of block types tell them.
struct UNetLevels {
  typealias Level = UNetConfig.Level
  typealias Kind = (attention: UNetConfig.Attention, resizing: UNetConfig.Resizing)

  let down, up: [Level]
  let middle: Level?

  /// Of a `UNet2DConditionModel`.
  init(conditional config: Config) throws {
    let channels = try config.integers("block_out_channels")
    // The key holds the number of heads in spite of its name; `num_attention_heads` overrides it.
    let headsKey = config.has("num_attention_heads") ? "num_attention_heads" : "attention_head_dim"
    let heads = try config.integerOrList(headsKey, count: channels.count, default: 8)
    let depths = try config.integerOrList("transformer_layers_per_block", count: channels.count, default: 1)
    let onlyCross = try config.boolOrList("only_cross_attention", count: channels.count, default: false)
    (down, up) = try Self.both(
      config, channels: channels, heads: heads,
      kinds: [
        ("CrossAttnDownBlock2D", "CrossAttnUpBlock2D", (.transformer, .convolution)),
        ("DownBlock2D", "UpBlock2D", (.none, .convolution)),
      ]
    ) { index, level in (level.depth, level.onlyCross) = (depths[index], onlyCross[index]) }
    // Older configs, as those of Stable Diffusion 1 and 2, do not have the key; null says that there is no such block.
    guard !config.isNull("mid_block_type") else {
      middle = nil
      return
    }
    var level = down[channels.count - 1]
    switch try config.string("mid_block_type", default: "UNetMidBlock2DCrossAttn") {
    case "UNetMidBlock2DCrossAttn": (level.attention, level.layers) = (.transformer, 2)
    case "UNetMidBlock2D": (level.attention, level.layers) = (.none, 1)
    case let other: throw config.invalid("mid_block_type", "UNetMidBlock2DCrossAttn or UNetMidBlock2D, not \(other)")
    }
    try Self.checkHeads(of: level, config)
    level.onlyCross = try config.bool("mid_block_only_cross_attention", default: false)
    middle = level
  }

  /// Of a `UNet2DModel`. Here `attention_head_dim` is a head's width, null for one head; CompVis' models that fix the
  /// number of heads instead say it as `num_attention_heads`, which diffusers does not know.
  init(plain config: Config) throws {
    let channels = try config.integers("block_out_channels")
    let heads =
      if let count = try config.optionalInteger("num_attention_heads") {
        channels.map { _ in count }
      } else if config.isNull("attention_head_dim") {
        channels.map { _ in 1 }
      } else {
        try channels.map { channels in
          let width = try config.integer("attention_head_dim", default: 8)
          return width > 0 ? channels / width : 0
        }
      }
    func resizing(_ key: String) throws -> UNetConfig.Resizing {
      switch try config.string(key, default: "conv") {
      case "conv": return .convolution
      case "resnet": return .resnet
      default: throw config.invalid(key, "conv or resnet")
      }
    }
    let change = try resizing("downsample_type")
    guard try resizing("upsample_type") == change else { throw config.invalid("upsample_type", "as downsample_type") }
    (down, up) = try Self.both(
      config, channels: channels, heads: heads,
      kinds: [
        ("AttnDownBlock2D", "AttnUpBlock2D", (.pixels, change)), ("DownBlock2D", "UpBlock2D", (.none, .convolution)),
        ("ResnetDownsampleBlock2D", "ResnetUpsampleBlock2D", (.none, .resnet)),
      ]
    ) { _, _ in }
    guard try config.string("mid_block_type", default: "UNetMidBlock2D") == "UNetMidBlock2D" else {
      throw config.invalid("mid_block_type", "UNetMidBlock2D")
    }
    var level = down[channels.count - 1]
    level.layers = 2
    level.attention = try config.bool("add_attention", default: true) ? .pixels : .none
    // The norm is left out where time scales and no number of groups is given.
    if let groups = try config.optionalInteger("attn_norm_num_groups") {
      guard groups > 0, level.channels % groups == 0 else {
        throw config.invalid("attn_norm_num_groups", "a divisor of \(level.channels) channels")
      }
      level.attentionGroups = groups
    } else if try UNetConfig.timeScales(config) {
      level.attentionGroups = nil
    }
    middle = level
  }

  private static func checkHeads(of level: Level, _ config: Config) throws {
    let fits = level.heads > 0 && level.channels % level.heads == 0 && level.depth > 0
    guard fits || level.attention == .none else {
      throw config.invalid("attention_head_dim", "a divisor of \(level.channels) channels")
    }
  }

  /// - Parameter kinds: names of blocks on the way down and up, and what they are.
  private static func both(
    _ config: Config, channels: [Int], heads: [Int], kinds: [(down: String, up: String, kind: Kind)],
    _ finish: (Int, inout Level) -> Void
  ) throws -> (down: [Level], up: [Level]) {
    let count = channels.count
    let groups = try config.integer("norm_num_groups", default: 32)
    let layers = try config.integerOrList("layers_per_block", count: count, default: 2)
    let (downTypes, upTypes) = (try config.strings("down_block_types"), try config.strings("up_block_types"))
    guard count > 0, downTypes.count == count, upTypes.count == count else {
      throw config.invalid("down_block_types", "as many blocks as block_out_channels has numbers")
    }
    guard layers.allSatisfy({ $0 > 0 }) else { throw config.invalid("layers_per_block", "numbers above 0") }
    func level(_ i: Int, inputs: Int, type: String, upwards: Bool, last: Bool) throws -> Level {
      guard let known = kinds.first(where: { type == (upwards ? $0.up : $0.down) }) else {
        let names = kinds.map { upwards ? $0.up : $0.down }.joined(separator: " or ")
        throw config.invalid(upwards ? "up_block_types" : "down_block_types", "\(names), not \(type)")
      }
      var result = Level(
        inputs: inputs, channels: channels[i], layers: layers[i] + (upwards ? 1 : 0), attention: known.kind.attention,
        heads: heads[i], depth: 1, attentionGroups: groups, onlyCross: false,
        resizing: last ? .none : known.kind.resizing)
      finish(i, &result)
      try checkHeads(of: result, config)
      return result
    }
    let down = try (0..<count).map {
      try level($0, inputs: channels[max($0 - 1, 0)], type: downTypes[$0], upwards: false, last: $0 + 1 == count)
    }
    let up = try (0..<count).map {
      let i = count - 1 - $0
      return try level(i, inputs: channels[min(i + 1, count - 1)], type: upTypes[$0], upwards: true, last: i == 0)
    }
    return (down, up)
  }
}
