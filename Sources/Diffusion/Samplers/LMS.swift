/// Linear multistep of order four: the slopes' interpolating polynomial, integrated from σ to σ'.
/// k-diffusion's form (Crowson 2022) of Adams-Bashforth; the integrals are exact. Draws nothing.
public struct LMS: Sampler {
  let options: SamplerOptions

  public init(_ options: SamplerOptions) { self.options = options }

  public func plan(steps: Int) throws -> Plan {
    try options.refuseZeroSNR("lms")
    return try options.sigmaPlan(steps: steps)
  }

  public func step(_ x: Tensor, _ step: Step, noise: inout Noise) -> Tensor {
    let known = [step.estimate] + step.history.prefix(3)
    let sigmas = known.map(\.node.level.sigma)
    return known.indices.reduce(x) { sum, j in
      let weight = Self.integral(of: j, nodes: sigmas, from: sigmas[0], to: step.node.next.sigma)
      return sum + Float(weight) * known[j].slope
    }
  }

  /// ∫ Π_{k≠j} (s - σₖ)/(σⱼ - σₖ) ds.
  static func integral(of j: Int, nodes: [Double], from: Double, to: Double) -> Double {
    var polynomial = [1.0]  // coefficients, lowest first
    for (k, node) in nodes.enumerated() where k != j {
      let scale = 1 / (nodes[j] - node)
      var next = [Double](repeating: 0, count: polynomial.count + 1)
      for (power, coefficient) in polynomial.enumerated() {
        next[power] -= coefficient * node * scale
        next[power + 1] += coefficient * scale
      }
      polynomial = next
    }
    func primitive(_ s: Double) -> Double {
      polynomial.indices.reversed().reduce(0) { ($0 + polynomial[$1] / Double($1 + 1)) * s }
    }
    return primitive(to) - primitive(from)
  }
}
