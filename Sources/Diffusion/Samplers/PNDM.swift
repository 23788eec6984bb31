/// Pseudo linear multistep: the estimates' Adams-Bashforth combination, stepped as DDIM.
///
/// Liu et al. 2022, arXiv 2202.09778, without its Runge-Kutta start: the second call repeats the first step with the mean
/// of two estimates. As diffusers has it, also where strength cuts the plan: there too the second call that is run counts
/// as the repeat, whatever its timestep. Draws nothing.
public struct PNDM: Sampler {
  let options: SamplerOptions

  public init(_ options: SamplerOptions) { self.options = options }

  public func plan(steps: Int) throws -> Plan {
    guard !options.config.zeroTerminalSNR else {
      throw SamplingError.unsuited(sampler: "pndm", why: "it has no step from zero signal")
    }
    var timesteps = try options.integerTimesteps(steps: steps, default: .leading)
    if timesteps.count > 1 { timesteps.insert(timesteps[1], at: 1) }
    let nodes = timesteps.map { t in
      Node(timestep: Double(t), level: level(t), next: level(t - options.total / steps))
    }
    return Plan(convention: .variancePreserving, nodes: nodes, stride: options.total / steps)
  }

  public func step(_ x: Tensor, _ step: Step, noise: inout Noise) -> Tensor {
    let t = Int(step.node.timestep)
    if step.index == 1 {
      let first = step.history[0]
      let mean = 0.5 * (step.epsilon + first.epsilon)
      return transfer(first.x, mean, from: level(t + step.plan.stride), to: level(t))
    }
    // The repeat's own estimate is not part of the history: in it stand the calls 0, 2, 3, ...
    let past = step.history.enumerated().filter { step.index - 1 - $0.offset != 1 }.map(\.element.epsilon)
    let e = step.epsilon
    let combined: Tensor =
      switch past.count {
      case 0: e
      case 1: 1.5 * e - 0.5 * past[0]
      case 2: (23 * e - 16 * past[0] + 5 * past[1]) / 12
      default: (55 * e - 59 * past[0] + 37 * past[1] - 9 * past[2]) / 24
      }
    return transfer(x, combined, from: step.node.level, to: step.node.next)
  }

  /// Eq. 11: exact for a constant ε.
  private func transfer(_ x: Tensor, _ epsilon: Tensor, from: NoiseLevel, to: NoiseLevel) -> Tensor {
    let (a, p) = (from.alphaBar, to.alphaBar)
    let divisor = a * (1 - p).squareRoot() + (a * (1 - a) * p).squareRoot()
    return Float((p / a).squareRoot()) * x - Float((p - a) / divisor) * epsilon
  }

  private func level(_ t: Int) -> NoiseLevel {
    options.schedule.level(t, final: options.config.setAlphaToOne ?? false ? .clean : options.schedule.level(0))
  }
}
