/// How much signal and how much noise latents hold: x = signal · x₀ + noise · ε.
///
/// Samplers that preserve variance use (√ᾱ, √(1-ᾱ)), those in σ use (1, σ). Unlike σ alone, the pair survives ᾱ = 0.
public struct NoiseLevel: Sendable, Equatable {
  public var signal: Double
  public var noise: Double

  public static let clean = NoiseLevel(signal: 1, noise: 0)

  public init(signal: Double, noise: Double) {
    self.signal = signal
    self.noise = noise
  }

  /// (√ᾱ, √(1-ᾱ)).
  public init(alphaBar: Double) { self.init(signal: alphaBar.squareRoot(), noise: (1 - alphaBar).squareRoot()) }

  /// (1, σ).
  public init(sigma: Double) { self.init(signal: 1, noise: sigma) }

  public var alphaBar: Double { signal * signal / (signal * signal + noise * noise) }
  public var sigma: Double { noise / signal }
  /// Standard deviation of latents whose clean ones have 1: networks want their input divided by it.
  public var scale: Double { (signal * signal + noise * noise).squareRoot() }
  /// The same ratio with variance preserved.
  var preserving: NoiseLevel { NoiseLevel(signal: signal / scale, noise: noise / scale) }

  /// `latents` noised to this level; diffusers' `add_noise`.
  public func noised(_ latents: Tensor, with noise: Tensor) -> Tensor {
    linear((signal, latents), (self.noise, noise))
  }
}
