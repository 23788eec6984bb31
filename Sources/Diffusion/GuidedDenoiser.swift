/// A model under classifier-free guidance: a batch of one row a text becomes one output,
///
///     u + g Σ wᵢ (cᵢ - u)
///
/// for what guidance g steers away from, u, and texts cᵢ of weights wᵢ: Ho & Salimans 2022, arXiv:2207.12598, eq. 6, and for
/// several texts Liu et al. 2022, arXiv:2206.01714, eq. 11. Linear, so it holds for each kind of prediction.
struct GuidedDenoiser {
  private let denoiser: any Denoiser
  /// A row each; under guidance the first is steered away from.
  private let texts: [TextCourse]
  private let micro: [[Double]]?
  private let concatenated: Tensor?
  private let label: Label?
  /// g; nil where there is one row, taken as it is.
  private let guidance: Double?
  private let embedded: Double?
  private let rescale: Double
  /// The rows' texts at the last call.
  private var held: (places: [Int], context: Tensor, pooled: Tensor?)?

  /// - Throws: `ConditioningError.missing` for a composition with nothing to compose against.
  init(_ denoiser: any Denoiser, _ conditioning: Conditioning, _ settings: SampleSettings) throws(ConditioningError) {
    self.denoiser = denoiser
    label = conditioning.label
    rescale = settings.guidanceRescale
    embedded = denoiser.embedsGuidance ? settings.guidance : nil
    let positive = conditioning.context
    let isComposed = positive.count > 1 || positive.contains { $0.weight != 1 }
    let isGuided = settings.guidance > 1 && embedded == nil
    if let negative = conditioning.negative, !positive.isEmpty, isComposed || isGuided {
      guidance = isGuided ? settings.guidance : 1
      texts = [negative] + positive
      micro = conditioning.micro.map { micro in [micro.negative] + positive.map { _ in micro.positive } }
    } else {
      guard !isComposed else { throw .missing(what: "a negative prompt, which may be empty", by: "AND") }
      guidance = nil
      texts = positive
      micro = conditioning.micro.map { [$0.positive] }
    }
    concatenated = texts.count > 1 ? conditioning.concatenated?.repeated(texts.count) : conditioning.concatenated
  }

  /// The guided output `[1, C, h, w]` for latents `x` at `node`.
  ///
  /// - Parameter step: of the run, 0 is the first that it makes.
  mutating func predict(_ x: Tensor, _ node: Plan.Node, step: Int) throws -> Tensor {
    var input = node.level.signal == 1 ? x / Float(node.level.scale) : x
    if texts.count > 1 { input = input.repeated(texts.count) }
    if let concatenated { input = Tensor.concatenate([input, concatenated], axis: 1) }
    let (context, pooled) = rows(at: step)
    var call = DenoiserInput(latents: input, timestep: node.timestep, context: context, label: label)
    (call.pooled, call.micro, call.guidance) = (pooled, micro, embedded)
    let output = try denoiser.predict(call)
    let expected = [input.shape[0]] + x.shape.dropFirst()
    guard output.shape == expected else {
      throw SamplerError.shape(what: "the model's output", found: output.shape, expected: expected)
    }
    guard let guidance else { return output }
    let guided = combined(output, guidance)
    return rescale > 0 ? rescaled(guided, like: combined(output, 1)) : guided
  }

  private func combined(_ output: Tensor, _ guidance: Double) -> Tensor {
    let factors = texts.dropFirst().map { guidance * $0.weight }
    let rows = texts.indices.map { output.slice(axis: 0, $0..<($0 + 1)) }
    return linear(zip([1 - factors.reduce(0, +)] + factors, rows).map { ($0, $1) })
  }

  /// The texts of a step, one batch; made anew where one changes.
  private mutating func rows(at step: Int) -> (Tensor?, Tensor?) {
    guard !texts.isEmpty else { return (nil, nil) }
    let places = texts.map { $0.place(at: step) }
    if let held, held.places == places { return (held.context, held.pooled) }
    let row = zip(texts, places).map { $0.encodings[$1] }
    let context = Self.batch(row.map(\.tokens))
    let pooled = row.last?.pooled.map { like in
      Tensor.concatenate(row.map { $0.pooled ?? Tensor(zeros: like.shape) }, axis: 0)
    }
    held = (places, context, pooled)
    return (context, pooled)
  }

  /// φ y std(with)/std(y) + (1-φ) y: Lin et al. 2023, arXiv:2305.08891, section 3.4.
  private func rescaled(_ guided: Tensor, like with: Tensor) -> Tensor {
    let deviation = guided.standardDeviation
    guard deviation > 0 else { return guided }
    return guided * Float(rescale * with.standardDeviation / deviation + 1 - rescale)
  }

  /// One batch of texts of any lengths. Each is repeated up to a common length: attention over tokens that are all
  /// repeated alike is attention over the tokens.
  private static func batch(_ texts: [Tensor]) -> Tensor {
    func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
    let length = texts.map { $0.shape[1] }.reduce(1) { $0 / divisor($0, $1) * $1 }
    let rows = texts.map { tokens in
      let count = length / tokens.shape[1]
      return count == 1 ? tokens : Tensor.concatenate(Array(repeating: tokens, count: count), axis: 1)
    }
    return rows.count == 1 ? rows[0] : Tensor.concatenate(rows, axis: 0)
  }
}
