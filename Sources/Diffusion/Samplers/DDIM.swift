/// Denoising diffusion implicit models.
///
///     x' = √ᾱ' x̂₀ + √(1 - ᾱ' - s²) ε̂ + s n,   s = η √((1 - ᾱ')/(1 - ᾱ) (1 - ᾱ/ᾱ'))
///
/// Song et al. 2020, arXiv 2010.02502, eq. 12 and 16. The next step is t - ⌊T/N⌋, as in diffusers, which under trailing
/// spacing is not always the next call's. Draws one tensor a call where η > 0.
public struct DDIM: Sampler {
  let options: SamplerOptions

  public init(_ options: SamplerOptions) { self.options = options }

  public func plan(steps: Int) throws -> Plan {
    let timesteps = try options.integerTimesteps(steps: steps, default: .leading)
    let final = options.config.setAlphaToOne ?? true ? NoiseLevel.clean : options.schedule.level(0)
    let nodes = timesteps.map { t in
      Node(
        timestep: Double(t), level: options.schedule.level(t),
        next: options.schedule.level(t - options.total / steps, final: final))
    }
    return Plan(convention: .variancePreserving, nodes: nodes, clip: options.clip)
  }

  public func step(_ x: Tensor, _ step: Step, noise: inout Noise) -> Tensor {
    let (a, p) = (step.node.level.alphaBar, step.node.next.alphaBar)
    let s = options.eta > 0 ? options.eta * max((1 - p) / (1 - a) * (1 - a / p), 0).squareRoot() : 0
    let direction = Float(max(1 - p - s * s, 0).squareRoot())
    let mean = Float(p.squareRoot()) * step.x0 + direction * step.epsilon
    return options.eta > 0 ? mean + Float(s) * noise(x.shape) : mean
  }
}
