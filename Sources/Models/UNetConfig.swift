import Weights

/// What a UNet's config.json says, in diffusers' words turned into levels: of `UNet2DConditionModel`, or of
/// `UNet2DModel`, which reads no text and attends over pixels.
public struct UNetConfig: Sendable {
  enum Attention: Sendable { case none, transformer, pixels }
  /// How the size changes between two levels.
  enum Resizing: Sendable { case none, convolution, resnet }

  /// One resolution on the way down or up.
  struct Level: Sendable {
    var inputs, channels: Int
    var layers: Int
    /// What follows its ResNet blocks.
    var attention: Attention
    var heads, depth: Int
    /// Of the norm before attention over pixels; nil where there is none.
    var attentionGroups: Int?
    /// The transformers' first attention reads the text too.
    var onlyCross: Bool
    /// What stands behind it (nothing at the last level).
    var resizing: Resizing
  }

  /// SDXL's second embedding: of the text as a whole and of numbers about the picture.
  public struct Addition: Sendable, Equatable {
    /// Of the sinusoids of each number.
    let width: Int
    /// Of the pooled text and all numbers.
    let inputs: Int

    /// How many numbers stand beside a pooled text of `pooled`; nil where that does not come out even.
    func numbers(besides pooled: Int) -> Int? {
      let rest = inputs - pooled
      return rest > 0 && rest % width == 0 ? rest / width : nil
    }
  }

  public let inputChannels, outputChannels: Int
  /// Width of the text's tokens.
  public let contextWidth: Int
  /// Rows of the class-embedding table.
  public let classes: Int?
  public let addition: Addition?
  /// Width of the sinusoids of the strength of guidance, for networks that are told it (Luo et al. 2023,
  /// arXiv:2310.04378, sec. 4.2).
  public let guidanceWidth: Int?
  /// Side of the latents the model was trained on.
  public let sampleSize: Int
  let levels, upLevels: [Level]
  let middle: Level?
  let groups: Int
  let epsilon: Float
  let downsamplePadding: Int
  let linearProjection, flipSinToCos: Bool
  /// Whether time scales and shifts what ResNet blocks normalise, in place of shifting what they convolve.
  let timeScales: Bool
  let frequencyShift: Double

  var timeWidth: Int { 4 * levels[0].channels }
  public var readsText: Bool {
    (levels + upLevels + [middle].compactMap(\.self)).contains { $0.attention == .transformer }
  }

  /// What height and width of the latents must be multiples of: residual blocks halve a map, rounding down, and double it
  /// again, whatever it was; convolutions are told the size that was.
  package var multiple: Int { 1 << levels.count { $0.resizing == .resnet } }

  /// The level of the highest resolution whose tokens attend to each other, on the way down as on the way up.
  package var mergedLevel: Int? { levels.firstIndex { $0.attention == .transformer && !$0.onlyCross } }

  /// Channels of every skip in the order they are made: one of `conv_in`, one a ResNet block, one a downsampling.
  var skipChannels: [Int] {
    levels.reduce(into: [levels[0].channels]) { skips, level in
      skips += Array(repeating: level.channels, count: level.layers + (level.resizing == .none ? 0 : 1))
    }
  }

  /// - Throws: `ConfigError` naming the key that is missing, ill-typed or names a part that this engine has not.
  public init(_ config: Config) throws {
    let isPlain = try config.optionalString("_class_name") == "UNet2DModel"
    try Self.refuseUnknownParts(config, isPlain: isPlain)
    let levels = try isPlain ? UNetLevels(plain: config) : UNetLevels(conditional: config)
    (self.levels, upLevels, middle) = (levels.down, levels.up, levels.middle)
    inputChannels = try config.integer("in_channels", default: isPlain ? 3 : 4)
    outputChannels = try config.integer("out_channels", default: isPlain ? 3 : 4)
    contextWidth = isPlain ? 0 : try config.integer("cross_attention_dim", default: 1280)
    classes = try config.optionalInteger("num_class_embeds")
    addition = try Addition(config)
    guidanceWidth = try config.optionalInteger("time_cond_proj_dim")
    sampleSize = try config.optionalInteger("sample_size") ?? 64
    groups = try config.integer("norm_num_groups", default: 32)
    epsilon = Float(try config.number("norm_eps", default: 1e-5))
    downsamplePadding = try config.integer("downsample_padding", default: 1)
    linearProjection = try config.bool("use_linear_projection", default: false)
    flipSinToCos = try config.bool("flip_sin_to_cos", default: true)
    timeScales = try Self.timeScales(config)
    frequencyShift = try config.number("freq_shift", default: 0)
    guard [0, 1].contains(downsamplePadding) else { throw config.invalid("downsample_padding", "0 or 1") }
    guard groups > 0 else { throw config.invalid("norm_num_groups", "a number above 0") }
    guard levels.down.allSatisfy({ $0.channels > 0 && $0.channels % groups == 0 }) else {
      throw config.invalid("block_out_channels", "multiples of norm_num_groups (\(groups))")
    }
    guard guidanceWidth.map({ $0 > 3 && $0 % 2 == 0 }) ?? true else {
      throw config.invalid("time_cond_proj_dim", "an even number above 3")
    }
  }

  static func timeScales(_ config: Config) throws -> Bool {
    switch try config.string("resnet_time_scale_shift", default: "default") {
    case "default": return false
    case "scale_shift": return true
    default: throw config.invalid("resnet_time_scale_shift", "default or scale_shift")
    }
  }

  /// Parts of diffusers' classes that change the result and that no supported family uses: better refused than ignored.
  private static func refuseUnknownParts(_ config: Config, isPlain: Bool) throws {
    let expected: [(String, String)] = [
      ("act_fn", "silu"), ("time_embedding_type", "positional"), ("attention_type", "default"),
    ]
    for (key, value) in expected where config.has(key) {
      guard try config.string(key, default: value) == value else { throw config.invalid(key, value) }
    }
    var absent = [
      "class_embed_type", "encoder_hid_dim", "cross_attention_norm", "time_embedding_dim", "time_embedding_act_fn",
      "timestep_post_act", "reverse_transformer_layers_per_block",
    ]
    if isPlain { absent += ["addition_embed_type", "time_cond_proj_dim"] }
    for key in absent where config.has(key) {
      throw config.invalid(key, "null: models with this part are not supported")
    }
    for key in ["dual_cross_attention", "center_input_sample", "class_embeddings_concat"] {
      guard try !config.bool(key, default: false) else { throw config.invalid(key, "false") }
    }
    guard try config.number("mid_block_scale_factor", default: 1) == 1 else {
      throw config.invalid("mid_block_scale_factor", "1")
    }
  }
}

extension UNetConfig.Addition {
  /// nil where the UNet has none.
  fileprivate init?(_ config: Config) throws {
    guard config.has("addition_embed_type") else { return nil }
    guard try config.string("addition_embed_type", default: "") == "text_time" else {
      throw config.invalid("addition_embed_type", "text_time or null")
    }
    width = try config.integer("addition_time_embed_dim", default: 256)
    inputs = try config.integer("projection_class_embeddings_input_dim", default: 2816)
    guard width > 0, inputs > width else {
      throw config.invalid("projection_class_embeddings_input_dim", "more than addition_time_embed_dim")
    }
  }
}
