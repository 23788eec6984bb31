/// What a network predicts.
public enum Prediction: String, Sendable, CaseIterable {
  /// The noise. Ho et al. 2020, arXiv:2006.11239.
  case epsilon
  /// v = √ᾱ ε - √(1-ᾱ) x₀. Salimans & Ho 2022, arXiv:2202.00512, appendix D.
  case v
  /// The clean latents.
  case sample

  /// The clean latents that `output` implies for latents `x` at `level`.
  func x0(_ output: Tensor, _ x: Tensor, at level: NoiseLevel) -> Tensor {
    let unit = level.preserving
    return switch self {
    case .epsilon: linear((1 / level.signal, x), (-level.noise / level.signal, output))
    case .v: linear((unit.signal / level.scale, x), (-unit.noise, output))
    case .sample: output
    }
  }

  /// The noise that `output` implies for latents `x` at `level`.
  func epsilon(_ output: Tensor, _ x: Tensor, at level: NoiseLevel) -> Tensor {
    let unit = level.preserving
    return switch self {
    case .epsilon: output
    case .v: linear((unit.noise / level.scale, x), (unit.signal, output))
    case .sample: linear((1 / level.noise, x), (-level.signal / level.noise, output))
    }
  }
}
