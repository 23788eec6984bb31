import Weights

/// What a UNet's config.json says, in diffusers' words turned into levels.
public struct UNetConfig: Sendable {
  /// One resolution on the way down or up.
  struct Level: Sendable {
    var inputs, channels: Int
    var layers: Int
    /// Whether its ResNet blocks are followed by transformers.
    var attends: Bool
    var heads, depth: Int
    /// The transformers' first attention reads the text too.
    var onlyCross: Bool
    /// Whether the size changes behind it (not at the last level).
    var resizes: Bool
  }

  public let inputChannels, outputChannels: Int
  /// Width of the text's tokens.
  public let contextWidth: Int
  /// Rows of the class-embedding table.
  public let classes: Int?
  /// Side of the latents the model was trained on.
  public let sampleSize: Int
  let levels, upLevels: [Level]
  let middle: Level?
  let groups: Int
  let epsilon: Float
  let downsamplePadding: Int
  let linearProjection, flipSinToCos: Bool
  let frequencyShift: Double

  var timeWidth: Int { 4 * levels[0].channels }
  public var readsText: Bool { (levels + upLevels).contains(where: \.attends) || middle?.attends == true }

  /// Channels of every skip in the order they are made: one of `conv_in`, one a ResNet block, one a downsampling.
  var skipChannels: [Int] {
    levels.reduce(into: [levels[0].channels]) { skips, level in
      skips += Array(repeating: level.channels, count: level.layers + (level.resizes ? 1 : 0))
    }
  }

  /// - Throws: `ConfigError` naming the key that is missing, ill-typed or names a part that this engine has not.
  public init(_ config: Config) throws {
    try Self.refuseUnknownParts(config)
    let channels = try config.integers("block_out_channels")
    let count = channels.count
    let downTypes = try config.strings("down_block_types")
    let upTypes = try config.strings("up_block_types")
    guard count > 0, downTypes.count == count, upTypes.count == count else {
      throw config.invalid("down_block_types", "as many blocks as block_out_channels has numbers")
    }
    // The key holds the number of heads in spite of its name; `num_attention_heads` overrides it.
    let headsKey = config.has("num_attention_heads") ? "num_attention_heads" : "attention_head_dim"
    let heads = try config.integerOrList(headsKey, count: count, default: 8)
    let depths = try config.integerOrList("transformer_layers_per_block", count: count, default: 1)
    let layers = try config.integerOrList("layers_per_block", count: count, default: 2)
    let onlyCross = try config.boolOrList("only_cross_attention", count: count, default: false)

    func level(_ i: Int, inputs: Int, type: String, attending: String, layers extra: Int, resizes: Bool) throws -> Level
    {
      let plain = attending.replacing("CrossAttn", with: "")
      guard type == attending || type == plain else {
        throw config.invalid("down_block_types", "\(attending) or \(plain), not \(type)")
      }
      return Level(
        inputs: inputs, channels: channels[i], layers: layers[i] + extra, attends: type == attending, heads: heads[i],
        depth: depths[i], onlyCross: onlyCross[i], resizes: resizes)
    }
    levels = try (0..<count).map {
      try level(
        $0, inputs: channels[max($0 - 1, 0)], type: downTypes[$0], attending: "CrossAttnDownBlock2D", layers: 0,
        resizes: $0 + 1 < count)
    }
    upLevels = try (0..<count).map {
      let i = count - 1 - $0
      return try level(
        i, inputs: channels[min(i + 1, count - 1)], type: upTypes[$0], attending: "CrossAttnUpBlock2D", layers: 1,
        resizes: i > 0)
    }
    middle = try Self.middle(config, last: levels[count - 1], onlyCross: config.has("only_cross_attention"))
    inputChannels = try config.integer("in_channels", default: 4)
    outputChannels = try config.integer("out_channels", default: 4)
    contextWidth = try config.integer("cross_attention_dim", default: 1280)
    classes = try config.optionalInteger("num_class_embeds")
    sampleSize = try config.optionalInteger("sample_size") ?? 64
    groups = try config.integer("norm_num_groups", default: 32)
    epsilon = Float(try config.number("norm_eps", default: 1e-5))
    downsamplePadding = try config.integer("downsample_padding", default: 1)
    linearProjection = try config.bool("use_linear_projection", default: false)
    flipSinToCos = try config.bool("flip_sin_to_cos", default: true)
    frequencyShift = try config.number("freq_shift", default: 0)
    guard channels.allSatisfy({ $0 > 0 && $0 % groups == 0 }) else {
      throw config.invalid("block_out_channels", "multiples of norm_num_groups (\(groups))")
    }
  }

  private static func middle(_ config: Config, last: Level, onlyCross: Bool) throws -> Level? {
    guard config.has("mid_block_type") else { return nil }
    var level = last
    switch try config.string("mid_block_type", default: "UNetMidBlock2DCrossAttn") {
    case "UNetMidBlock2DCrossAttn": level.attends = true
    case "UNetMidBlock2D": level.attends = false
    case let other: throw config.invalid("mid_block_type", "UNetMidBlock2DCrossAttn or UNetMidBlock2D, not \(other)")
    }
    level.onlyCross = try config.bool("mid_block_only_cross_attention", default: false)
    return level
  }

  /// Parts of diffusers' class that change the result and that no supported family uses: better refused than ignored.
  private static func refuseUnknownParts(_ config: Config) throws {
    let expected: [(String, String)] = [
      ("act_fn", "silu"), ("resnet_time_scale_shift", "default"), ("time_embedding_type", "positional"),
      ("attention_type", "default"),
    ]
    for (key, value) in expected where config.has(key) {
      guard try config.string(key, default: value) == value else { throw config.invalid(key, value) }
    }
    for key in [
      "class_embed_type", "addition_embed_type", "encoder_hid_dim", "time_cond_proj_dim", "cross_attention_norm",
    ]
    where config.has(key) {
      throw config.invalid(key, "null: models with this part are not supported")
    }
    guard try !config.bool("dual_cross_attention", default: false) else {
      throw config.invalid("dual_cross_attention", "false")
    }
  }
}
