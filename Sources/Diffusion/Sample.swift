/// How the one loop runs.
public struct SamplingSettings: Sendable {
  public var prediction = Prediction.epsilon
  /// Classifier-free guidance (Ho & Salimans 2022, arXiv 2207.12598, eq. 6); at most 1 is off.
  public var guidance = 1.0
  /// Share of the guided output that is rescaled to the conditional one's deviation (Lin et al. 2023, sec. 3.4).
  public var guidanceRescale = 0.0

  public init() {}
}

/// The one loop: no network, no task, no file. What is asked stands in `conditioning`, how it is solved in `sampler`.
///
/// - Parameters:
///   - shape: of the latents, `[1, C, h, w]`.
///   - noise: the picture's source. Draws the start noise here unless the conditioning brought it, then the sampler's.
///   - progress: called after each call of the model with calls done and to do; what it throws stops the run.
/// - Returns: clean latents of `shape`.
public func sample(
  _ model: any Denoiser, _ conditioning: Conditioning, _ sampler: any Sampler, steps: Int, shape: [Int],
  settings: SamplingSettings, noise: inout Noise, progress: (_ done: Int, _ total: Int) throws -> Void
) throws -> Tensor {
  var plan = try sampler.plan(steps: steps)
  if let start = conditioning.start, start.latents != nil { plan = try plan.cut(steps: steps, strength: start.strength) }
  var x = begin(conditioning.start, plan, shape: shape, noise: &noise)
  var history: [Estimate] = []
  for (index, node) in plan.nodes.enumerated() {
    let input = plan.convention == .varianceExploding ? Float(node.level.signal) * x : x
    let output = try predict(model, input, node.timestep, conditioning, settings)
    let estimate = Estimate(node: node, x: x, of: output, settings.prediction, at: input, clip: plan.clip)
    let step = Step(
      estimate: estimate, history: history, index: index, count: plan.nodes.count,
      upcoming: index + 1 < plan.nodes.count ? plan.nodes[index + 1].level : nil, plan: plan)
    x = sampler.step(x, step, noise: &noise)
    for constrain in conditioning.constrain { x = try constrain(x, step) }
    guard x.isFinite else { throw SamplingError.notFinite(step: index + 1) }
    history = [estimate] + history.prefix(3)
    try progress(index + 1, plan.nodes.count)
  }
  return x
}

private func begin(_ start: Start?, _ plan: Plan, shape: [Int], noise: inout Noise) -> Tensor {
  let drawn = start?.noise ?? noise(shape)
  guard let latents = start?.latents else { return Float(plan.initialScale) * drawn }
  return plan.noised(latents, drawn, to: plan.nodes[0].level)
}

/// One call of the network: two rows under guidance, else one.
private func predict(
  _ model: any Denoiser, _ x: Tensor, _ timestep: Double, _ conditioning: Conditioning, _ settings: SamplingSettings
) throws -> Tensor {
  let guided = settings.guidance > 1 && conditioning.negative != nil && conditioning.context != nil
  let rows = guided ? 2 : 1
  let latents = conditioning.concatenated.map { Tensor.concatenate([x, $0], axis: 1) } ?? x
  let context = guided
    ? Tensor.concatenate([conditioning.negative!, conditioning.context!], axis: 0) : conditioning.context
  let output = try model.predict(
    DenoiserInput(latents: latents.repeated(rows), timestep: timestep, context: context, label: conditioning.label))
  guard guided else { return output }
  let (without, with) = (output.slice(axis: 0, 0..<1), output.slice(axis: 0, 1..<2))
  let steered = without + Float(settings.guidance) * (with - without)
  guard settings.guidanceRescale > 0 else { return steered }
  let share = Float(settings.guidanceRescale)
  let factor = Float(with.standardDeviation / steered.standardDeviation)
  return (share * factor + 1 - share) * steered
}

extension Estimate {
  /// Turns a network's output into the clean latents and the noise that it stands for.
  ///
  /// - Parameter input: the latents as the network saw them, √ᾱ z + √(1 - ᾱ) n in both conventions.
  init(node: Node, x: Tensor, of output: Tensor, _ kind: Prediction, at input: Tensor, clip: Double?) {
    let (a, s) = (Float(node.level.signal), Float(node.level.noise))
    switch kind {
    case .epsilon: (x0, epsilon) = ((input - s * output) / a, output)
    case .v: (x0, epsilon) = (a * input - s * output, a * output + s * input)
    case .sample: (x0, epsilon) = (output, (input - a * output) / s)
    }
    if let clip { x0 = x0.clamped(to: Float(-clip)...Float(clip)) }
    (self.node, self.x) = (node, x)
  }
}
