import Foundation

/// How noise grows over the training steps: ᾱₜ = Π (1 - βₛ) (Ho et al. 2020, arXiv 2006.11239, eq. 4), in f32 as diffusers
/// keeps it.
public struct NoiseSchedule: Sendable {
  public enum Betas: String, Sendable {
    case linear
    /// Linear in √β: Stable Diffusion's.
    case scaledLinear = "scaled_linear"
    /// Nichol & Dhariwal 2021, arXiv 2102.09672, eq. 17.
    case squaredCosine = "squaredcos_cap_v2"
  }

  /// ᾱₜ for t = 0..<T.
  public let alphaBars: [Float]

  /// - Parameter zeroTerminalSNR: moves the last ᾱ to exactly 0 (Lin et al. 2023, arXiv 2305.08891, alg. 1).
  public init(_ betas: Betas, from start: Double, to end: Double, count: Int = 1000, zeroTerminalSNR: Bool = false) {
    let values =
      switch betas {
      case .linear: Self.linspace(Float(start), Float(end), count)
      case .scaledLinear: Self.linspace(Float(start.squareRoot()), Float(end.squareRoot()), count).map { $0 * $0 }
      case .squaredCosine: Self.squaredCosine(count)
      }
    let alphas = values.map { 1 - $0 }
    alphaBars = Self.cumulativeProduct(zeroTerminalSNR ? Self.rescaled(alphas) : alphas)
  }

  public init(alphaBars: [Float]) { self.alphaBars = alphaBars }

  /// The level at a training step; a step before the first is `final`.
  func level(_ t: Int, final: NoiseLevel = .clean) -> NoiseLevel {
    t < 0 ? final : NoiseLevel(alphaBar: Double(alphaBars[min(t, alphaBars.count - 1)]))
  }

  /// σ of every training step. A zero ᾱ counts as 2⁻²⁴ (σ = 4096), as samplers that need a σ have it.
  var sigmas: [Double] { alphaBars.map { NoiseLevel(alphaBar: max(Double($0), 0x1p-24)).sigma } }

  private static func linspace(_ start: Float, _ end: Float, _ count: Int) -> [Float] {
    let step = (end - start) / Float(count - 1)
    return (0..<count).map { $0 < count / 2 ? start + step * Float($0) : end - step * Float(count - 1 - $0) }
  }

  private static func squaredCosine(_ count: Int) -> [Float] {
    func f(_ t: Double) -> Double { pow(cos((t + 0.008) / 1.008 * .pi / 2), 2) }
    return (0..<count).map {
      Float(min(1 - f(Double($0 + 1) / Double(count)) / f(Double($0) / Double(count)), 0.999))
    }
  }

  private static func cumulativeProduct(_ alphas: [Float]) -> [Float] {
    var product = 1.0
    return alphas.map {
      product *= Double($0)
      return Float(product)
    }
  }

  private static func rescaled(_ alphas: [Float]) -> [Float] {
    let roots = cumulativeProduct(alphas).map { $0.squareRoot() }
    let (first, last) = (roots[0], roots[roots.count - 1])
    let bars = roots.map { (root: Float) -> Float in
      let shifted = (root - last) * (first / (first - last))
      return shifted * shifted
    }
    return bars.indices.map { i in 1 - (1 - (i == 0 ? bars[0] : bars[i] / bars[i - 1])) }
  }
}

/// How noisy latents are: x = √ᾱ z + √(1 - ᾱ) n, or in the other convention x / √ᾱ = z + σ n.
public struct NoiseLevel: Sendable, Equatable {
  /// Share of the signal's variance, 0...1.
  public let alphaBar: Double

  public init(alphaBar: Double) { self.alphaBar = alphaBar }
  init(sigma: Double) { alphaBar = 1 / (1 + sigma * sigma) }

  public static let clean = NoiseLevel(alphaBar: 1)

  /// √ᾱ and √(1 - ᾱ).
  public var signal: Double { alphaBar.squareRoot() }
  public var noise: Double { (1 - alphaBar).squareRoot() }
  /// √((1 - ᾱ)/ᾱ); infinite for pure noise.
  public var sigma: Double { ((1 - alphaBar) / alphaBar).squareRoot() }
  /// ln(√ᾱ / √(1 - ᾱ)), half the log signal-to-noise ratio; infinite for clean latents.
  var lambda: Double { 0.5 * (log(alphaBar) - log(1 - alphaBar)) }
}
