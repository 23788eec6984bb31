/// A model under classifier-free guidance: rows, one a text, become one output,
///
///     u + g Σ wᵢ (cᵢ - u)
///
/// for what guidance g steers away from, u, and texts cᵢ of weights wᵢ: Ho & Salimans 2022, arXiv:2207.12598, eq. 6, and for
/// several texts Liu et al. 2022, arXiv:2206.01714, eq. 11. Linear, so it holds for each kind of prediction.
struct GuidedDenoiser {
  private let denoiser: any Denoiser
  /// Under guidance the first is steered away from.
  private var rows: TextRows
  /// g; nil where there is one row, taken as it is.
  private let guidance: Double?
  /// Where guidance is g; 1 elsewhere.
  private let interval: GuidanceInterval?
  /// What is left of `rows` where guidance is 1; nil where all are needed.
  private var unguided: TextRows?
  private let label: Label?
  private let embedded: Double?
  private let rescale: Double

  /// - Throws: `ConditioningError.missing` for a composition with nothing to compose against; `.unsuited` for a guidance
  ///   interval where the network itself guides.
  init(_ denoiser: any Denoiser, _ conditioning: Conditioning, _ settings: SampleSettings) throws(ConditioningError) {
    self.denoiser = denoiser
    label = conditioning.label
    rescale = settings.guidanceRescale
    interval = settings.guidanceInterval
    embedded = denoiser.embedsGuidance ? settings.guidance : nil
    if embedded != nil && interval != nil {
      throw .unsuited(model: "a model that is told the strength of guidance", to: "a guidance interval")
    }
    let positive = conditioning.context
    let isComposed = positive.count > 1 || positive.contains { $0.weight != 1 }
    let isGuided = settings.guidance > 1 && embedded == nil
    let wanted = conditioning.micro.map { Array(repeating: $0.positive, count: max(positive.count, 1)) }
    if let negative = conditioning.negative, !positive.isEmpty, isComposed || isGuided {
      guidance = isGuided ? settings.guidance : 1
      rows = TextRows(
        [negative] + positive, micro: conditioning.micro.map { [$0.negative] + wanted! },
        concatenated: conditioning.concatenated)
      if interval != nil && !isComposed {
        unguided = TextRows(positive, micro: wanted, concatenated: conditioning.concatenated)
      }
    } else {
      guard !isComposed else { throw .missing(what: "a negative prompt, which may be empty", by: "AND") }
      guidance = nil
      rows = TextRows(positive, micro: wanted, concatenated: conditioning.concatenated)
    }
  }

  /// The guided output `[1, C, h, w]` for latents `x` at `node`.
  ///
  /// - Parameter step: of the run, 0 is the first that it makes.
  mutating func predict(_ x: Tensor, _ node: Plan.Node, step: Int) throws -> Tensor {
    let x = node.level.signal == 1 ? x / Float(node.level.scale) : x
    let applies = interval?.contains(node.level) ?? true
    if !applies, unguided != nil {
      return try answer(unguided!.inputs(x, timestep: node.timestep, label: label, step: step), channels: x.shape[1])
    }
    let output = try answer(rows.inputs(x, timestep: node.timestep, label: label, step: step), channels: x.shape[1])
    guard let guidance else { return output }
    guard applies else { return combined(output, 1) }
    let guided = combined(output, guidance)
    return rescale > 0 ? rescaled(guided, like: combined(output, 1)) : guided
  }

  /// The rows of all calls, `[R, C, h, w]`.
  private func answer(_ calls: [DenoiserInput], channels: Int) throws -> Tensor {
    let outputs = try calls.map { input in
      var call = input
      call.guidance = embedded
      let output = try denoiser.predict(call)
      let expected = [call.latents.shape[0], channels] + call.latents.shape.dropFirst(2)
      guard output.shape == expected else {
        throw SamplerError.shape(what: "the model's output", found: output.shape, expected: expected)
      }
      return output
    }
    return Tensor.concatenate(outputs, axis: 0)
  }

  private func combined(_ output: Tensor, _ guidance: Double) -> Tensor {
    let factors = rows.texts.dropFirst().map { guidance * $0.weight }
    let answers = rows.texts.indices.map { output.slice(axis: 0, $0..<($0 + 1)) }
    return linear(zip([1 - factors.reduce(0, +)] + factors, answers).map { ($0, $1) })
  }

  /// φ y std(with)/std(y) + (1-φ) y: Lin et al. 2023, arXiv:2305.08891, section 3.4.
  private func rescaled(_ guided: Tensor, like with: Tensor) -> Tensor {
    let deviation = guided.standardDeviation
    guard deviation > 0 else { return guided }
    return guided * Float(rescale * with.standardDeviation / deviation + 1 - rescale)
  }
}
