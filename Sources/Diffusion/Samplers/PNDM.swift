/// PNDM without its Runge–Kutta start, as Stable Diffusion uses it: a linear multistep of order 4 in ε.
///
///     x' = √(ᾱ'/ᾱ) x - (ᾱ'-ᾱ) e / (ᾱ √(1-ᾱ') + √(ᾱ (1-ᾱ) ᾱ'))
///     e  = ε;  (ε+ε₋₁)/2;  (3ε - ε₋₁)/2;  (23ε - 16ε₋₁ + 5ε₋₂)/12;  (55ε - 59ε₋₁ + 37ε₋₂ - 9ε₋₃)/24
///
/// Liu et al. 2022, arXiv:2202.09778, eq. 9 and 12. N steps are N + 1 calls: the second redoes the first step with the
/// mean of both answers and is then forgotten. Draws nothing.
///
/// `pndm` cuts the list of calls for image to image after the repeat was put into it, as diffusers does: the first two
/// calls of such a run then stand at two different training steps. `plms` cuts first, so that the repeat is always
/// there.
public struct PNDM: Sampler {
  public let prediction: Prediction
  private let table: AlphaBarGrid
  private let repeatsAfterCut: Bool

  public init(_ setup: SamplerSetup, repeatsAfterCut: Bool) throws(SamplerError) {
    try setup.refuseZeroTerminalSNR()
    prediction = setup.prediction
    self.repeatsAfterCut = repeatsAfterCut
    table = try AlphaBarGrid(setup, alphaToOne: false, clips: false, clipSupported: false)
    if prediction == .sample {
      throw .unsupported(sampler: setup.name, what: "prediction of the sample", instead: "use ddim")
    }
    if setup.config.skipPRKSteps == false {
      throw .unsupported(sampler: setup.name, what: "Runge–Kutta steps", instead: "set skip_prk_steps to true")
    }
  }

  public func plan(_ steps: StepCount) throws(SamplerError) -> Plan {
    var timesteps = try table.grid.wholeTimesteps(steps.total)
    if repeatsAfterCut { timesteps.removeFirst(steps.skipped) }
    if timesteps.count > 1 { timesteps.insert(timesteps[1], at: 1) }
    let first = repeatsAfterCut ? 0 : steps.skipped
    let stride = table.grid.noise.count / steps.total
    let nodes = timesteps.enumerated().map { index, t in
      // The second call of the run redoes the step of the first.
      let isRepeat = index == first + 1
      let from = isRepeat ? t + stride : t
      return Plan.Node(
        timestep: Double(t), level: table.level(from), next: table.level(from - stride), mark: table.level(t),
        beginsStep: !isRepeat)
    }
    return Plan(nodes: nodes, first: first)
  }

  public func next(_ step: Step, noise: inout Noise) -> Tensor {
    let x = step.node.beginsStep ? step.current.x : step.past[0].x
    let e = prediction.epsilon(multistep(step), x, at: step.node.level)
    let (a, p) = (step.node.level.alphaBar, step.node.next.alphaBar)
    let divisor = a * (1 - p).squareRoot() + (a * (1 - a) * p).squareRoot()
    return linear(((p / a).squareRoot(), x), (-(p - a) / divisor, e))
  }

  private func multistep(_ step: Step) -> Tensor {
    let output = step.current.output
    guard step.node.beginsStep else { return linear((0.5, output), (0.5, step.past[0].output)) }
    // The repeat is no part of the history.
    let past = step.past.enumerated().filter { step.plan.nodes[step.index - 1 - $0.offset].beginsStep }
      .map(\.element.output)
    switch past.count {
    case 0: return output
    case 1: return linear((1.5, output), (-0.5, past[0]))
    case 2: return linear((23 / 12, output), (-16 / 12, past[0]), (5 / 12, past[1]))
    default: return linear((55 / 24, output), (-59 / 24, past[0]), (37 / 24, past[1]), (-9 / 24, past[2]))
    }
  }
}
