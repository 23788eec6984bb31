/// What a model's text towers make of a prompt.
public struct TextEncoding: Sendable {
  /// For cross-attention, `[1, T, D]`; the tokens of several towers stand side by side along D.
  public var tokens: Tensor
  /// The text as a whole, `[1, P]`; nil for models whose UNet reads tokens alone.
  public var pooled: Tensor?

  public init(tokens: Tensor, pooled: Tensor? = nil) {
    self.tokens = tokens
    self.pooled = pooled
  }

  /// All zeros: what some models were trained to take for no text.
  public var zeroed: TextEncoding {
    TextEncoding(tokens: Tensor(zeros: tokens.shape), pooled: pooled.map { Tensor(zeros: $0.shape) })
  }
}

/// What a UNet is told of the picture in numbers, beside its text: Podell et al. 2023, arXiv:2307.01952, sec. 2.2.
public enum MicroConditioning: Sendable {
  /// Original height and width, top and left of the crop, target height and width (SDXL).
  case sizes
  /// Original height and width, top and left of the crop, aesthetic score (SDXL's refiner).
  case aesthetic

  /// How many numbers.
  public var count: Int { self == .sizes ? 6 : 5 }
}

/// Those numbers, for the picture wanted and for what guidance steers away from; as many in each.
public struct MicroConditions: Sendable, Equatable {
  public var positive, negative: [Double]

  public init(positive: [Double], negative: [Double]) {
    (self.positive, self.negative) = (positive, negative)
  }

  /// For a picture of `size` that is no cut of a larger one. The scores are the refiner's usual ones: well above the middle
  /// of its 0...10 for what is wanted, below it for what guidance steers away from.
  public init(_ kind: MicroConditioning, of size: Size) {
    let picture = [Double(size.height), Double(size.width)]
    switch kind {
    case .sizes: self.init(positive: picture + [0, 0] + picture, negative: picture + [0, 0] + picture)
    case .aesthetic: self.init(positive: picture + [0, 0, 6], negative: picture + [0, 0, 2.5])
    }
  }
}
