/// What the loop itself is told.
public struct SampleSettings: Sendable {
  /// Steps of a full run.
  public var steps = 50
  /// Runs all `steps` whatever the strength.
  public var exactSteps = false
  /// Classifier-free guidance; off at 1 and below.
  public var guidance = 7.5
  /// φ of guidance rescale, 0...1; 0 is off.
  public var guidanceRescale = 0.0
  /// Where guidance is applied; nil: at every call.
  public var guidanceInterval: GuidanceInterval?
  /// Calls of the plan at these training steps alone are made: two models in relay share one plan.
  public var timesteps: Range<Double> = -1..<Double.infinity

  public init() {}
}

/// The one loop: no model, no task, no file. Returns clean latents `[1, C, h, w]`.
///
/// Draws: the start noise, where `conditioning.start` has none; then what the sampler draws.
/// - Parameters:
///   - shape: of the latents.
///   - progress: called after each call of the model with the number done and the total. What it throws stops the run.
public func sample(
  _ denoiser: any Denoiser, _ conditioning: Conditioning, _ sampler: any Sampler, _ settings: SampleSettings,
  shape: [Int], noise: inout Noise, progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
) throws -> Tensor {
  let strength = conditioning.start?.latents == nil ? 1 : conditioning.start!.strength
  let count = try sampler.count(settings.steps, strength: strength, exact: settings.exactSteps)
  var plan = try sampler.plan(count)
  var model = try GuidedDenoiser(denoiser, conditioning, settings)
  let began = plan.first
  var x = try begin(plan, conditioning.start, shape: shape, noise: &noise)
  let calls = plan.calls(at: settings.timesteps)
  plan.first = calls.lowerBound
  var past: [Estimate] = []
  for index in calls {
    let node = plan.nodes[index]
    // A step may be several calls, the last of them fewer.
    let step = (index - began) * (count.total - count.skipped) / (plan.nodes.count - began)
    let output = try model.predict(x, node, step: step)
    var estimate = Estimate(x: x, output: output, level: node.level, prediction: sampler.prediction)
    estimate.x0 = sampler.refine(estimate.x0)
    var call = Step(plan: plan, index: index, current: estimate, past: past)
    call.current.x = sampler.correct(call)
    x = sampler.next(call, noise: &noise)
    for constrain in conditioning.constrain { x = try constrain(x, call) }
    guard x.isFinite else { throw SamplerError.notFinite(call: call.done + 1, of: calls.count) }
    past = Array(([call.current] + past).prefix(sampler.history))
    try progress(call.done + 1, calls.count)
  }
  return x
}

/// The latents before the first call: scaled noise, or clean latents noised to the plan's first level.
private func begin(_ plan: Plan, _ start: Start?, shape: [Int], noise: inout Noise) throws(SamplerError) -> Tensor {
  for (what, tensor) in [("the start's latents", start?.latents), ("the start's noise", start?.noise)] {
    if let tensor, tensor.shape != shape { throw .shape(what: what, found: tensor.shape, expected: shape) }
  }
  if let start, start.isNoisy, let latents = start.latents { return latents }
  let drawn = start?.noise ?? noise(shape)
  guard let latents = start?.latents else { return drawn * Float(plan.noiseScale) }
  guard let first = plan.calls.first else { return latents }
  return plan.nodes[first].mark.noised(latents, with: drawn)
}
