/// One call of the model: what went in, what came out, what it implies.
public struct Estimate: Sendable {
  /// The latents at the call (corrected, where the sampler corrects), `[1, C, h, w]`.
  public var x: Tensor
  /// What the model answered, guided.
  public let output: Tensor
  /// The clean latents that `output` implies.
  public var x0: Tensor
  public let level: NoiseLevel
  public let prediction: Prediction

  public init(x: Tensor, output: Tensor, level: NoiseLevel, prediction: Prediction) {
    self.x = x
    self.output = output
    self.level = level
    self.prediction = prediction
    x0 = prediction.x0(output, x, at: level)
  }

  /// The noise that `output` implies.
  public var epsilon: Tensor { prediction.epsilon(output, x, at: level) }
  /// dx/dσ = (x - x₀) / σ, for samplers in σ.
  public var slope: Tensor { linear((1 / level.noise, x), (-1 / level.noise, x0)) }
}

/// What a sampler and a conditioner's `constrain` know at one call of the model.
public struct Step: Sendable {
  public let plan: Plan
  /// Of this call in `plan.nodes`.
  public let index: Int
  public internal(set) var current: Estimate
  /// Earlier calls of this run, the newest first, at most four.
  public let past: [Estimate]

  public init(plan: Plan, index: Int, current: Estimate, past: [Estimate]) {
    (self.plan, self.index, self.current, self.past) = (plan, index, current, past)
  }

  public var node: Plan.Node { plan.nodes[index] }
  /// Calls made before this one in this run.
  public var done: Int { index - plan.first }
  public var isLast: Bool { index == plan.nodes.count - 1 }
  /// The present estimate of the clean latents.
  public var x0: Tensor { current.x0 }

  /// Clean `latents` noised to where the sampler's latents stand after this call, in the sampler's own convention;
  /// after the last call `latents` themselves.
  public func noised(_ latents: Tensor, with noise: Tensor) -> Tensor {
    isLast ? latents : plan.nodes[index + 1].mark.noised(latents, with: noise)
  }
}
