/// A way from noise to latents: a plan made once, then pure steps along it.
public protocol Sampler: Sendable {
  /// What the model predicts.
  var prediction: Prediction { get }
  /// How many earlier estimates a step reads, up to four. Each holds three tensors of the latents' size.
  var history: Int { get }
  /// What becomes of a number of steps at a strength; most samplers leave out the first of them.
  func count(_ steps: Int, strength: Double, exact: Bool) throws(SamplerError) -> StepCount
  func plan(_ steps: StepCount) throws(SamplerError) -> Plan
  /// The clean latents as this sampler uses them; DDIM and DDPM may clip them.
  func refine(_ x0: Tensor) -> Tensor
  /// The latents at this call, seen again in the light of the model's answer; most samplers leave them.
  func correct(_ step: Step) -> Tensor
  /// The latents after this call. Draws from `noise` are part of the result: each sampler documents its own.
  func next(_ step: Step, noise: inout Noise) -> Tensor
}

extension Sampler {
  public var history: Int { 4 }
  public func count(_ steps: Int, strength: Double, exact: Bool) throws(SamplerError) -> StepCount {
    try StepCount(steps, strength: strength, exact: exact)
  }
  public func refine(_ x0: Tensor) -> Tensor { x0 }
  public func correct(_ step: Step) -> Tensor { step.current.x }
}

/// What a user may say about sampling beside the sampler's name; nil leaves it to the model's config, then to the
/// sampler.
public struct SamplerOptions: Sendable, Equatable {
  public var spacing: Spacing?
  public var schedule: SigmaSchedule?
  /// The σ of a run given by hand, falling and above 0, without the 0 at its end; a run then has as many steps.
  public var sigmas: [Double]?
  /// The tables of align-your-steps that suit the model.
  public var alignment = AlignedSteps.stableDiffusion
  public var prediction: Prediction?
  /// Share of fresh noise, 0...1: of `ddim`, where 1 is as random as DDPM, and `tcd` (γ of its paper). nil: 0 and 0.3.
  public var eta: Double?
  /// Of `lcm`: at a strength below 1 all steps are made, along the beginning of the schedule that it was distilled by. So
  /// diffusers' pipeline for models of its own does, not that for Stable Diffusion with a LoRA.
  public var shortensSchedule = false

  public init() {}
}

/// Which training steps a run visits. Lin et al. 2023, arXiv:2305.08891, table 2.
public enum Spacing: String, Sendable, CaseIterable { case leading, trailing, linspace }
