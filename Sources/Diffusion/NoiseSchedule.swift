import Foundation

/// How the β of training grow from the first step to the last.
public enum BetaSchedule: String, Sendable, CaseIterable {
  /// Ho et al. 2020, arXiv:2006.11239.
  case linear
  /// Linear in √β: Rombach et al. 2022, arXiv:2112.10752.
  case scaledLinear = "scaled_linear"
  /// Nichol & Dhariwal 2021, arXiv:2102.09672, eq. 17.
  case squaredCosine = "squaredcos_cap_v2"
}

/// The noise a model was trained with: ᾱ of each training step, in single precision as PyTorch computes it.
public struct NoiseSchedule: Sendable, Equatable {
  /// ᾱ of steps 0..<count, falling.
  public let alphaBars: [Float]
  /// σ = √((1-ᾱ)/ᾱ), rising. Where ᾱ is 0 it is taken as 2⁻²⁴ (σ = 4096), as diffusers does.
  public let sigmas: [Float]
  let logSigmas: [Float]

  /// - Parameter zeroTerminalSNR: shift and scale √ᾱ so that the last is 0: Lin et al. 2023, arXiv:2305.08891, alg. 1.
  public init(
    _ betas: BetaSchedule, from start: Double = 0.0001, to end: Double = 0.02, count: Int = 1000,
    zeroTerminalSNR: Bool = false
  ) {
    precondition(count > 1, "a noise schedule of \(count) steps")
    self.init(betas: Self.betas(betas, start, end, count), zeroTerminalSNR: zeroTerminalSNR)
  }

  /// - Parameter betas: of each training step.
  private init(betas: [Float], zeroTerminalSNR: Bool) {
    var table = Self.cumulativeProduct(betas.map { 1 - $0 })
    if zeroTerminalSNR { table = Self.rescaled(table) }
    alphaBars = table
    sigmas = table.map { ᾱ in
      let a = ᾱ > 0 ? ᾱ : 0x1p-24
      return ((1 - a) / a).squareRoot()
    }
    logSigmas = sigmas.map { Float(log(Double($0))) }
  }

  /// The schedule a scheduler config describes; what it leaves out is diffusers' default (linear, 0.0001 to 0.02).
  ///
  /// - Throws: `SamplerError.foreign` for the config of a model that was trained with noise of another kind.
  public init(_ config: SchedulerConfig) throws(SamplerError) {
    try config.refuseForeignNoise()
    let count = config.trainSteps ?? 1000
    let name = config.betaSchedule ?? "linear"
    let (start, end) = (config.betaStart ?? 0.0001, config.betaEnd ?? 0.02)
    guard (2...100_000).contains(count) else {
      throw .range(what: "num_train_timesteps", found: "\(count)", expected: "2 to 100000")
    }
    if let betas = config.trainedBetas {
      guard betas.count == count, betas.allSatisfy({ $0 > 0 && $0 < 1 }) else {
        throw .range(what: "trained_betas", found: "\(betas.count) numbers", expected: "\(count) between 0 and 1")
      }
      self.init(betas: betas.map { Float($0) }, zeroTerminalSNR: config.rescaleBetasZeroSNR ?? false)
      return
    }
    guard let betas = BetaSchedule(rawValue: name) else {
      let known = BetaSchedule.allCases.map(\.rawValue).joined(separator: ", ")
      throw .range(what: "beta_schedule", found: name, expected: known)
    }
    guard start > 0, start <= end, end < 1 else {
      throw .range(what: "beta_start, beta_end", found: "\(start), \(end)", expected: "0 < start <= end < 1")
    }
    self.init(betas, from: start, to: end, count: count, zeroTerminalSNR: config.rescaleBetasZeroSNR ?? false)
  }

  /// Number of training steps T.
  public var count: Int { alphaBars.count }
  public var hasZeroTerminalSNR: Bool { alphaBars[count - 1] == 0 }

  /// Signal and noise at training step `t`, variance-preserving.
  public func level(at t: Int) -> NoiseLevel { NoiseLevel(alphaBar: Double(alphaBars[t])) }

  /// σ at a fractional step, linear between its neighbours; clamped to the table.
  public func sigma(at t: Double) -> Double {
    let t = min(max(t, 0), Double(count - 1))
    let low = min(Int(t), count - 2)
    let (a, b) = (Double(sigmas[low]), Double(sigmas[low + 1]))
    return a + (b - a) * (t - Double(low))
  }

  /// The fractional step whose σ this is: linear in ln σ between its neighbours, clamped to the table.
  public func timestep(ofSigma sigma: Double) -> Double {
    let target = log(max(sigma, 1e-10))
    let above = logSigmas.firstIndex { Double($0) > target } ?? count
    let low = min(max(above - 1, 0), count - 2)
    let (a, b) = (Double(logSigmas[low]), Double(logSigmas[low + 1]))
    let w = min(max((a - target) / (a - b), 0), 1)
    return (1 - w) * Double(low) + w * Double(low + 1)
  }
}

extension NoiseSchedule {
  private static func betas(_ schedule: BetaSchedule, _ start: Double, _ end: Double, _ count: Int) -> [Float] {
    switch schedule {
    case .linear: return linspace(Float(start), Float(end), count)
    case .scaledLinear:
      return linspace(Float(start.squareRoot()), Float(end.squareRoot()), count).map { $0 * $0 }
    case .squaredCosine:
      func alphaBar(_ t: Double) -> Double { pow(cos((t + 0.008) / 1.008 * .pi / 2), 2) }
      return (0..<count).map { i in
        Float(min(1 - alphaBar(Double(i + 1) / Double(count)) / alphaBar(Double(i) / Double(count)), 0.999))
      }
    }
  }

  /// From both ends to the middle, as PyTorch does, so that both ends are exact.
  private static func linspace(_ start: Float, _ end: Float, _ count: Int) -> [Float] {
    let step = (end - start) / Float(count - 1)
    return (0..<count).map { i in
      i < count / 2 ? start + step * Float(i) : end - step * Float(count - 1 - i)
    }
  }

  private static func cumulativeProduct(_ factors: [Float]) -> [Float] {
    var product = 1.0
    return factors.map { factor in
      product *= Double(factor)
      return Float(product)
    }
  }

  private static func rescaled(_ alphaBars: [Float]) -> [Float] {
    let roots = alphaBars.map { $0.squareRoot() }
    let (first, last) = (roots[0], roots[roots.count - 1])
    let factor = first / (first - last)
    let squares = roots.map { root in
      let moved = (root - last) * factor
      return moved * moved
    }
    // Through β and back, for the rounding of it is in diffusers' table.
    let betas = squares.indices.map { i in 1 - (i == 0 ? squares[0] : squares[i] / squares[i - 1]) }
    return cumulativeProduct(betas.map { 1 - $0 })
  }
}
