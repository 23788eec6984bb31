/// The noise levels at which guidance is applied, low < σ <= high: Kynkäänniemi et al. 2024, arXiv:2404.07724. Outside,
/// the model's own prediction is taken, which costs half a guided one.
///
/// σ is noise over signal of the latents, whatever the sampler: the paper's own unit.
public struct GuidanceInterval: Sendable, Equatable {
  public let low, high: Double

  /// - Parameters: as in the doc comment; `low` is at least 0 and less than `high`, which may be infinite.
  public init(low: Double, high: Double) {
    precondition(low >= 0 && low < high, "a guidance interval from \(low) to \(high)")
    (self.low, self.high) = (low, high)
  }

  func contains(_ level: NoiseLevel) -> Bool { low < level.sigma && level.sigma <= high }
}
