/// Turns a request into what the one sampler obeys. Text, an image to start from, a mask, a low-resolution image and a depth
/// map are five of them; others are written outside the package against this module alone.
public protocol Conditioner: Sendable {
  /// The request that all conditioners of a picture are to see: another canvas, size or mask. Called once a picture, before
  /// anything is encoded; a large picture is then worked on in parts, each with a `condition` of its own.
  func prepare(_ request: Request, for model: any ConditioningModel) throws -> Request

  /// The parts of the conditioning this conditioner is about.
  ///
  /// - Parameter noise: the sequential source of the whole picture. The order of draws is part of the result, so each
  ///   conditioner documents its own.
  func condition(
    _ request: Request, with model: any ConditioningModel, noise: inout Noise
  ) throws -> Conditioning
}

extension Conditioner {
  /// Leaves the request as it is.
  public func prepare(_ request: Request, for model: any ConditioningModel) throws -> Request { request }
}

/// What conditioners may ask of a model.
public protocol ConditioningModel: TextEncoder, ImageEncoder {
  /// For messages.
  var name: String { get }
  /// Channels of the UNet's input: its latents and what is concatenated to them.
  var inputChannels: Int { get }
  /// How a UNet that was trained to inpaint reads what is kept; nil for other UNets.
  var inpaintingInput: InpaintingInput? { get }
  /// The schedule by which a super-resolution model noises its low-resolution input; nil for other models.
  var lowResolutionSchedule: NoiseSchedule? { get }
  /// Highest noise level the model was trained with; nil where it takes none.
  var maximumNoiseLevel: Int? { get }
  /// Noise level used where the request names none.
  var defaultNoiseLevel: Int { get }
  /// Rows of the UNet's class embedding; nil where it has none, and labels say nothing.
  var labels: Int? { get }
}

public protocol TextEncoder: Sendable {
  /// Whether the UNet reads text at all.
  var readsText: Bool { get }
  func encode(text: String) throws -> TextEncoding
  /// The same, with the prompt's marks obeyed.
  func encode(_ prompt: Prompt) throws -> TextEncoding
  /// Whether an empty negative prompt is all zeros, not the encoding of no words (SDXL's base).
  var emptyNegativeIsZero: Bool { get }
  /// Whether no words can be encoded: not where each text is a class. Without a negative prompt there is then no guidance.
  var encodesNothing: Bool { get }
  /// The numbers that the UNet reads beside the text; nil for most.
  var microConditioning: MicroConditioning? { get }
}

public protocol ImageEncoder: Sendable {
  /// Pixels per latent along each axis (f of the paper).
  var latentFactor: Int { get }
  var latentChannels: Int { get }
  /// A picture `[1, 3, H, W]` in -1...1, H and W multiples of `latentFactor` → latents `[1, C, H/f, W/f]`, scaled as the
  /// UNet expects them. `.sample` makes one draw of the posterior's shape from `noise`; `.mean` draws nothing.
  func encode(_ picture: Tensor, _ encoding: Encoding, noise: inout Noise) throws -> Tensor
}

/// What a UNet that was trained to inpaint reads behind its latents.
public enum InpaintingInput: Sendable {
  /// The mask, 0 and 1; latents of the picture with a grey hole (Stable Diffusion).
  case maskFirst
  /// Latents of the picture with a black hole; the mask, -1 and 1 (the latent diffusion model of 2021).
  case maskLast
}

extension ConditioningModel {
  public var labels: Int? { nil }
  public var inpaintingInput: InpaintingInput? { inputChannels == 2 * latentChannels + 1 ? .maskFirst : nil }
}

extension TextEncoder {
  /// All taken as words, for encoders that know no marks.
  public func encode(_ prompt: Prompt) throws -> TextEncoding { try encode(text: prompt.text) }
  public var emptyNegativeIsZero: Bool { false }
  public var encodesNothing: Bool { true }
  public var microConditioning: MicroConditioning? { nil }
}

extension Request {
  /// A part that `user` cannot do without.
  public func required<Part>(
    _ part: KeyPath<Request, Part?>, _ what: String, by user: String
  ) throws(ConditioningError) -> Part {
    guard let value = self[keyPath: part] else { throw .missing(what: what, by: user) }
    return value
  }
}
