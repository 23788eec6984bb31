/// The calls of the model that a run makes, decided before the first.
public struct Plan: Sendable {
  /// One call of the model.
  public struct Node: Sendable, Equatable {
    /// What the model is told; may be fractional.
    public var timestep: Double
    /// Of the latents at this call.
    public var level: NoiseLevel
    /// Of the latents after it.
    public var next: NoiseLevel
    /// To which clean latents are noised to stand beside those of this call. Differs from `level` only between the two
    /// halves of a second-order step.
    public var mark: NoiseLevel
    /// False where the call goes on with the step of the one before: a run is not cut there.
    public var beginsStep: Bool

    public init(
      timestep: Double, level: NoiseLevel, next: NoiseLevel, mark: NoiseLevel? = nil, beginsStep: Bool = true
    ) {
      self.timestep = timestep
      self.level = level
      self.next = next
      self.mark = mark ?? level
      self.beginsStep = beginsStep
    }
  }

  /// All calls of a full run; a run from noised latents starts at `first`.
  public var nodes: [Node]
  public var first: Int
  /// Pure noise is multiplied by this: diffusers' `init_noise_sigma`.
  public var noiseScale: Double

  public init(nodes: [Node], first: Int = 0, noiseScale: Double = 1) {
    self.nodes = nodes
    self.first = first
    self.noiseScale = noiseScale
  }

  public var calls: Range<Int> { min(first, nodes.count)..<nodes.count }

  /// Those of `calls` whose steps begin at training steps in `range`; they follow each other, as steps only fall.
  public func calls(at range: Range<Double>) -> Range<Int> {
    func first(below timestep: Double) -> Int {
      calls.first { nodes[$0].beginsStep && nodes[$0].timestep < timestep } ?? nodes.count
    }
    let start = first(below: range.upperBound)
    return start..<max(start, first(below: range.lowerBound))
  }
}

/// How many steps a run has, and how many of them it makes.
public struct StepCount: Sendable, Equatable {
  /// Steps of a full run.
  public let total: Int
  /// Steps left out at its start.
  public let skipped: Int
  /// How much of the sampler's own schedule they are spread over, from its clean end on.
  public var share = 1.0

  /// int(steps · strength) of `steps` steps are run, the product in double precision as in diffusers; with `exact`,
  /// `steps` of steps / strength.
  public init(_ steps: Int, strength: Double = 1, exact: Bool = false) throws(SamplerError) {
    guard (1...10_000).contains(steps) else {
      throw .range(what: "steps", found: "\(steps)", expected: "1 to 10000")
    }
    guard (0...1).contains(strength) else {
      throw .range(what: "strength", found: "\(strength)", expected: "0 to 1")
    }
    if exact && strength > 0 {
      let stretched = (Double(steps) / strength).rounded(.down)
      guard stretched <= 10_000 else {
        throw .range(what: "steps / strength", found: "\(Double(steps) / strength)", expected: "at most 10000")
      }
      total = max(steps, Int(stretched))
      skipped = total - steps
    } else {
      total = steps
      skipped = steps - min(Int(Double(steps) * strength), steps)
    }
  }
}
