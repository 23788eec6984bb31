/// A model under classifier-free guidance: two rows of one batch become one output. Ho & Salimans 2022,
/// arXiv:2207.12598, eq. 6 (linear, so it holds for each kind of prediction).
struct GuidedDenoiser {
  private let denoiser: any Denoiser
  private let context, pooled: Tensor?
  private let micro: [[Double]]?
  private let concatenated: Tensor?
  private let label: Label?
  private let guidance, embedded: Double?
  private let rescale: Double

  init(_ denoiser: any Denoiser, _ conditioning: Conditioning, _ settings: SampleSettings) {
    self.denoiser = denoiser
    label = conditioning.label
    rescale = settings.guidanceRescale
    embedded = denoiser.embedsGuidance ? settings.guidance : nil
    if settings.guidance > 1, embedded == nil, let negative = conditioning.negative, let positive = conditioning.context
    {
      guidance = settings.guidance
      context = Self.rows(negative.tokens, positive.tokens)
      pooled = positive.pooled.map { Tensor.concatenate([negative.pooled ?? Tensor(zeros: $0.shape), $0], axis: 0) }
      micro = conditioning.micro.map { [$0.negative, $0.positive] }
      concatenated = conditioning.concatenated?.repeated(2)
    } else {
      guidance = nil
      context = conditioning.context?.tokens
      pooled = conditioning.context?.pooled
      micro = conditioning.micro.map { [$0.positive] }
      concatenated = conditioning.concatenated
    }
  }

  /// The guided output `[1, C, h, w]` for latents `x` at `node`.
  func predict(_ x: Tensor, _ node: Plan.Node) throws -> Tensor {
    var input = node.level.signal == 1 ? x / Float(node.level.scale) : x
    if guidance != nil { input = input.repeated(2) }
    if let concatenated { input = Tensor.concatenate([input, concatenated], axis: 1) }
    var call = DenoiserInput(latents: input, timestep: node.timestep, context: context, label: label)
    (call.pooled, call.micro, call.guidance) = (pooled, micro, embedded)
    let output = try denoiser.predict(call)
    let expected = [input.shape[0]] + x.shape.dropFirst()
    guard output.shape == expected else {
      throw SamplerError.shape(what: "the model's output", found: output.shape, expected: expected)
    }
    guard let guidance else { return output }
    let (without, with) = (output.slice(axis: 0, 0..<1), output.slice(axis: 0, 1..<2))
    let guided = linear((1 - guidance, without), (guidance, with))
    return rescale > 0 ? rescaled(guided, like: with) : guided
  }

  /// φ y std(with)/std(y) + (1-φ) y: Lin et al. 2023, arXiv:2305.08891, section 3.4.
  private func rescaled(_ guided: Tensor, like with: Tensor) -> Tensor {
    let deviation = guided.standardDeviation
    guard deviation > 0 else { return guided }
    return guided * Float(rescale * with.standardDeviation / deviation + 1 - rescale)
  }

  /// One batch of two texts of any lengths. Each is repeated up to a common length: attention over tokens that are all
  /// repeated alike is attention over the tokens.
  private static func rows(_ a: Tensor, _ b: Tensor) -> Tensor {
    var (length, step) = (a.shape[1], b.shape[1])
    while step != 0 { (length, step) = (step, length % step) }
    func repeated(_ tokens: Tensor, _ count: Int) -> Tensor {
      count == 1 ? tokens : Tensor.concatenate(Array(repeating: tokens, count: count), axis: 1)
    }
    return Tensor.concatenate([repeated(a, b.shape[1] / length), repeated(b, a.shape[1] / length)], axis: 0)
  }
}
