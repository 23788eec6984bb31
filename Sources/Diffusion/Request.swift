/// What a user asks for, in the units of the engine. Conditioners read the parts that concern them.
public struct Request: Sendable {
  public var prompt = ""
  /// What guidance steers away from.
  public var negativePrompt = ""
  /// How both are read.
  public var promptStyle = PromptStyle.plain
  /// Steps of a full run, for prompts that change along them; nil: not known yet.
  public var steps: Int?
  /// `Prompt.clipSkip`.
  public var clipSkip: Int?
  /// Height and width of the result in pixels; multiples of the model's latent factor.
  public var size: Size
  /// The picture to start from, `[1, 3, H, W]` in -1...1.
  public var image: Tensor?
  /// Where to repaint, `[1, 1, H, W]` in 0...1: 1 repaints, 0 keeps.
  public var mask: Tensor?
  public var maskMode = MaskMode.hard
  /// Inpainting: whether what is painted is shifted in colour until it continues the picture at the hole's border. For
  /// networks that leave a step there; an edge that belongs there is smoothed away as well. nil leaves it to the model's
  /// defaults, then to no.
  public var matchesBorder: Bool?
  /// Inpainting at full strength: whether what is painted gets its texture from the picture around it. For networks that paint
  /// blurred; what the picture does not have already is lost. nil leaves it to the model's defaults, then to no.
  public var matchesTexture: Bool?
  /// Super-resolution: whether what is added has, at every place, no more contrast than the picture's own finest detail there.
  /// For networks that see grain in clear skies. nil leaves it to the model's defaults, then to no.
  public var matchesDetail: Bool?
  /// How near what is seen is, `[1, 1, H, W]`, of any range and size: higher is nearer.
  public var depth: Tensor?
  /// How far to leave `image`: 0 keeps it, 1 starts from (nearly) pure noise.
  public var strength = 1.0
  /// Training step up to which super-resolution noises its low-resolution image.
  public var noiseLevel: Int?
  /// Whether pictures are encoded by a draw from the posterior (as diffusers does) or by its mean; nil leaves it to the
  /// model's defaults, then to a draw.
  public var encoding: Encoding?
  /// Leaves the decoded picture as it is: no paste, no back-projection, nothing matched to the picture.
  public var raw = false

  public init(size: Size) { self.size = size }

  /// What the result should show, with how it is read.
  public var positive: Prompt { Prompt(prompt, style: promptStyle, clipSkip: clipSkip) }
  /// What guidance steers away from, read alike.
  public var negative: Prompt { Prompt(negativePrompt, style: promptStyle, clipSkip: clipSkip) }
}

public struct Size: Sendable, Equatable {
  public var height: Int
  public var width: Int

  public init(height: Int, width: Int) {
    self.height = height
    self.width = width
  }
}

/// How a mask in pixels becomes one in latents.
public enum MaskMode: String, Sendable, CaseIterable {
  /// Thresholded at one half; a latent is repainted when any pixel of its block is (small holes survive).
  case hard
  /// Not thresholded: a partial mask blends.
  case soft
  /// Thresholded; the top-left pixel of each block decides. What diffusers does; a small hole can vanish.
  case nearest
}

public enum Encoding: String, Sendable, CaseIterable { case sample, mean }
