/// What a request asks of the sampler. Every part has a neutral value; conditioners set their own parts and no others.
public struct Conditioning: Sendable {
  /// nil: pure noise of the request's size, drawn by the sampler's loop.
  public var start: Start?
  /// The text, or several that are composed; empty: none.
  public var context: [TextCourse] = []
  /// What guidance steers away from; as wide as `context`.
  public var negative: TextCourse?
  /// Sizes and scores that the UNet is told beside the text.
  public var micro: MicroConditions?
  /// Channels appended to the UNet's input at each step, never scaled: `[1, C, h, w]`.
  public var concatenated: Tensor?
  public var label: Label?
  /// Applied to the latents after each call of the model.
  public var constrain: [Constrain] = []
  /// Applied to the decoded picture `[1, 3, H, W]`, about -1...1 and not clamped, in order.
  public var compose: [Compose] = []

  public init() {}

  public typealias Constrain = @Sendable (_ latents: Tensor, _ step: Step) throws -> Tensor
  public typealias Compose = @Sendable (_ picture: Tensor) throws -> Tensor

  /// Joins two conditionings: lists append in order, channels concatenate; two values for any other part are an error.
  public mutating func combine(_ other: Conditioning) throws(ConditioningError) {
    start = try Self.only(start, other.start, "start")
    if !context.isEmpty && !other.context.isEmpty { throw .conflict(part: "context") }
    context += other.context
    negative = try Self.only(negative, other.negative, "negative")
    micro = try Self.only(micro, other.micro, "the picture's sizes")
    label = try Self.only(label, other.label, "label")
    concatenated = Self.joined(concatenated, other.concatenated)
    constrain += other.constrain
    compose += other.compose
  }

  /// Takes words' conditioning as far as no conditioner set its own.
  public mutating func complete(with text: Conditioning) {
    if context.isEmpty { context = text.context }
    negative = negative ?? text.negative
    micro = micro ?? text.micro
  }

  private static func only<Part>(_ a: Part?, _ b: Part?, _ name: String) throws(ConditioningError) -> Part? {
    if a != nil && b != nil { throw .conflict(part: name) }
    return a ?? b
  }

  private static func joined(_ a: Tensor?, _ b: Tensor?) -> Tensor? {
    guard let a, let b else { return a ?? b }
    return Tensor.concatenate([a, b], axis: 1)
  }
}

/// Where sampling starts.
public struct Start: Sendable {
  /// Clean latents `[1, C, h, w]` that `strength` noises part of the way; nil starts from noise alone.
  public var latents: Tensor?
  /// The start noise `[1, C, h, w]`; nil lets the loop draw it. A conditioner draws it itself when its place in the
  /// order of draws matters (equal seeds must give equal pictures in other tools too).
  public var noise: Tensor?
  /// Share of the steps that are run, 0...1. Read only with `latents`.
  public var strength: Double
  /// Whether `latents` are noisy already, as another model's run over the plan before this one left them.
  public var isNoisy = false

  public init(latents: Tensor? = nil, noise: Tensor? = nil, strength: Double = 1) {
    self.latents = latents
    self.noise = noise
    self.strength = strength
  }
}

/// What is added to the UNet's time embedding.
public enum Label: Sendable, Equatable {
  /// A row of the class-embedding table: a class, or a noise level.
  case index(Int)
}

public enum ConditioningError: Error, Equatable, CustomStringConvertible {
  case conflict(part: String)
  case missing(what: String, by: String)
  case unsuited(model: String, to: String)
  case shape(what: String, found: [Int], expected: [Int])
  case range(what: String, found: String, expected: String)

  public var description: String {
    switch self {
    case .conflict(let part): "two conditioners both set \(part); use one of them"
    case .missing(let what, let user): "\(user) needs \(what)"
    case .unsuited(let model, let task): "\(model) cannot serve \(task); choose another with --model"
    case .shape(let what, let found, let expected): "\(what) is \(found), expected \(expected)"
    case .range(let what, let found, let expected): "\(what) is \(found), expected \(expected)"
    }
  }
}
