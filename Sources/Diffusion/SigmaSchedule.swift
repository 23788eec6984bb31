import Foundation

/// How σ falls over a run.
public enum SigmaSchedule: String, Sendable, CaseIterable {
  case discrete, karras, exponential
  case betaSigmas = "beta-sigmas"
  case beta, normal, simple
  case sgmUniform = "sgm-uniform"
  case ddimUniform = "ddim-uniform"
  case alignYourSteps = "align-your-steps"

  /// What it does, and where it is described.
  public var paper: String {
    switch self {
    case .discrete: "the σ of the visited training steps (--spacing); Lin et al. 2023, arXiv:2305.08891, table 2"
    case .karras: "linear in σ^(1/7); Karras et al. 2022, arXiv:2206.00364, eq. 5"
    case .exponential: "linear in ln σ; Crowson 2022, k-diffusion"
    case .betaSigmas: "σ by quantiles of Beta(0.6, 0.6); diffusers' use_beta_sigmas"
    case .beta: "training steps by quantiles of Beta(0.6, 0.6); Lee et al. 2024, arXiv:2407.12173"
    case .normal: "evenly spaced training steps, both ends among them; Crowson 2022, k-diffusion"
    case .simple: "every (T/N)-th training step from the noisiest; ComfyUI"
    case .sgmUniform: "as normal, of N + 1 steps without the last; Stability AI's generative-models"
    case .ddimUniform: "every (T/N)-th training step from the second cleanest; Song et al. 2021, arXiv:2010.02502"
    case .alignYourSteps: "tables made for SD and SDXL; Sabour et al. 2024, arXiv:2404.14507"
    }
  }

  /// Whether a sampler bends its own σ to it (diffusers' way), rather than taking a list of σ as it is (k-diffusion's).
  package var isCurve: Bool { [.discrete, .karras, .exponential, .betaSigmas].contains(self) }
}

/// The tables of σ of "Align Your Steps" (Sabour et al. 2024, arXiv:2404.14507), for ten steps.
public enum AlignedSteps: Sendable {
  case stableDiffusion
  case stableDiffusionXL

  fileprivate var sigmas: [Double] {
    switch self {
    case .stableDiffusion: [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029]
    case .stableDiffusionXL: [14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029]
    }
  }

  /// The first `steps` of the table, stretched in ln σ to steps + 1 levels as the paper's authors do.
  fileprivate func sigmas(_ steps: Int) -> [Double] {
    let logs = sigmas.map { log($0) }
    return (0..<steps).map { i in
      let place = Double(i) * 10 / Double(steps)
      let low = min(Int(place), 9)
      return exp(logs[low] + (logs[low + 1] - logs[low]) * (place - Double(low)))
    }
  }
}

extension TimeGrid {
  /// The σ of a run, falling and above 0, where they come as a list: given by hand, or by a schedule that is no curve. nil
  /// leaves them to the sampler. beta may give fewer than `steps`, where two of them are one training step; ddim-uniform
  /// one more, where T/N is not whole.
  func list(_ steps: Int) throws(SamplerError) -> [Double]? {
    if let given {
      guard given.count == steps else {
        throw .range(what: "steps", found: "\(steps)", expected: "\(given.count), the number of --sigmas")
      }
      return given
    }
    guard !schedule.isCurve else { return nil }
    try check(steps, most: noise.count)
    let all = noise.sigmas.map(Double.init)
    let last = all.count - 1
    switch schedule {
    case .normal: return Self.linspace(Double(last), 0, steps).map(noise.smoothSigma)
    case .sgmUniform: return Self.linspace(Double(last), 0, steps + 1).dropLast().map(noise.smoothSigma)
    case .simple: return (0..<steps).map { all[last - Int(Double($0) * (Double(all.count) / Double(steps)))] }
    case .ddimUniform: return stride(from: 1, to: all.count, by: all.count / steps).reversed().map { all[$0] }
    case .beta:
      let timesteps = (0..<steps).map { i in
        let quantile = Beta.symmetric(0.6).quantile(1 - Double(i) / Double(steps))
        return Int((quantile * Double(last)).rounded(.toNearestOrEven))
      }
      return timesteps.indices.filter { $0 == 0 || timesteps[$0] != timesteps[$0 - 1] }.map { all[timesteps[$0]] }
    default: return try aligned(steps, largest: all[last])
    }
  }

  private func aligned(_ steps: Int, largest: Double) throws(SamplerError) -> [Double] {
    // A model with zero terminal SNR starts at σ = 4096; from 14.6 on it would take much of the noise for a picture.
    guard largest < 20 else {
      throw .unsupported(
        sampler: SigmaSchedule.alignYourSteps.rawValue,
        what: "a model whose largest sigma is \(Int(largest)), its tables begin at 14.6",
        instead: "use --schedule karras")
    }
    return alignment.sigmas(steps)
  }
}

extension NoiseSchedule {
  /// σ at a fractional step, linear in ln σ between its neighbours: k-diffusion's, where `sigma(at:)` is diffusers'.
  fileprivate func smoothSigma(at t: Double) -> Double {
    let low = min(Int(t), count - 2)
    let (a, b) = (Double(logSigmas[low]), Double(logSigmas[low + 1]))
    return exp(a + (b - a) * (t - Double(low)))
  }
}
