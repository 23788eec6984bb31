/// A method of solving the reverse process: a plan of the model's calls, then one pure step a call.
///
/// A sampler knows nothing of networks, tasks or guidance. All a step may know comes in `Step`: the estimate at hand and
/// up to four earlier ones. Noise comes from the picture's one sequential source; each sampler documents its draws.
public protocol Sampler: Sendable {
  /// The calls for `steps` steps from (nearly) pure noise.
  func plan(steps: Int) throws -> Plan
  /// `x` before the call → `x` after it, both `[1, C, h, w]`.
  func step(_ x: Tensor, _ step: Step, noise: inout Noise) -> Tensor
}

/// The calls of the model that a sampler makes.
public struct Plan: Sendable {
  /// What x holds: √ᾱ z + √(1 - ᾱ) n, or z + σ n.
  public enum Convention: Sendable { case variancePreserving, varianceExploding }

  public var convention: Convention
  /// One a call.
  public var nodes: [Node]
  /// Deviation of the pure noise that sampling starts from.
  public var initialScale = 1.0
  /// Calls a step, for cutting the plan by strength.
  public var callsPerStep = 1
  /// Training steps from one step to the next, where the sampler counts in them.
  public var stride = 0
  /// Limits the estimate of the clean latents (only ever set for models of pixels).
  public var clip: Double?

  /// The part of the plan that `strength` runs: ⌊steps · strength⌋ steps, in double precision, as diffusers has it.
  func cut(steps: Int, strength: Double) throws(SamplingError) -> Plan {
    let kept = min(Int(Double(steps) * strength), steps)
    guard kept > 0 else { throw .noSteps(steps: steps, strength: strength) }
    var result = self
    result.nodes = Array(nodes.dropFirst((steps - kept) * callsPerStep))
    return result
  }

  /// Clean latents noised to `level`.
  func noised(_ z: Tensor, _ noise: Tensor, to level: NoiseLevel) -> Tensor {
    switch convention {
    case .variancePreserving: Float(level.signal) * z + Float(level.noise) * noise
    case .varianceExploding: z + Float(level.sigma) * noise
    }
  }
}

/// One call of the model.
public struct Node: Sendable {
  /// What the network is told: a training step, maybe fractional.
  public var timestep: Double
  /// The level of x at the call.
  public var level: NoiseLevel
  /// The level that the step aims at.
  public var next: NoiseLevel
  /// 0, or the number of the call within a step of several.
  public var stage = 0

  public init(timestep: Double, level: NoiseLevel, next: NoiseLevel, stage: Int = 0) {
    (self.timestep, self.level, self.next, self.stage) = (timestep, level, next, stage)
  }
}

/// What was known at a call.
public struct Estimate: Sendable {
  public var node: Node
  /// The latents before the step.
  public var x: Tensor
  /// The network's estimate of the clean latents and of the noise.
  public var x0: Tensor
  public var epsilon: Tensor
}

/// All that a step may know.
public struct Step: Sendable {
  public var estimate: Estimate
  /// Earlier estimates, newest first, at most four.
  public var history: [Estimate]
  /// Place of this call among those that are run.
  public var index: Int
  public var count: Int
  /// The level of the next call; nil at the last.
  public var upcoming: NoiseLevel?
  let plan: Plan

  public var node: Node { estimate.node }
  public var x0: Tensor { estimate.x0 }
  public var epsilon: Tensor { estimate.epsilon }

  /// Clean latents as they would look at the next call, with `noise`; the latents themselves after the last.
  public func noised(_ z: Tensor, with noise: Tensor) -> Tensor {
    upcoming.map { plan.noised(z, noise, to: $0) } ?? z
  }
}

public enum SamplingError: Error, Equatable, CustomStringConvertible {
  case unknown(kind: String, name: String, known: [String])
  case noSteps(steps: Int, strength: Double)
  case steps(Int, most: Int)
  case unsuited(sampler: String, why: String)
  case notFinite(step: Int)

  public var description: String {
    switch self {
    case .unknown(let kind, let name, let known):
      "no \(kind) is called \(name); there are \(known.joined(separator: ", "))"
    case .noSteps(let steps, let strength):
      "\(steps) steps at strength \(strength) leave none to run; give more steps or more strength"
    case .steps(let steps, let most): "\(steps) steps; this sampler takes 1 to \(most)"
    case .unsuited(let sampler, let why): "sampler \(sampler) cannot serve this model: \(why); choose another"
    case .notFinite(let step):
      "the latents stopped being numbers at step \(step); try --precision f32 or less guidance"
    }
  }
}
