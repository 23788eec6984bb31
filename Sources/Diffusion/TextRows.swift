/// What a model reads at once: a row a text, with what belongs to each row.
struct TextRows {
  let texts: [TextCourse]
  let micro: [[Double]]?
  /// As many rows as texts.
  let concatenated: Tensor?
  /// The rows' texts at the last call.
  private var held: (places: [Int], context: Tensor, pooled: Tensor?)?

  /// - Parameter concatenated: one row, the same for all.
  init(_ texts: [TextCourse], micro: [[Double]]?, concatenated: Tensor?) {
    (self.texts, self.micro) = (texts, micro)
    self.concatenated = texts.count > 1 ? concatenated?.repeated(texts.count) : concatenated
  }

  /// One call of the model on all rows.
  ///
  /// - Parameters:
  ///   - x: `[1, C, h, w]`, scaled for the model.
  ///   - step: of the run.
  mutating func input(_ x: Tensor, timestep: Double, label: Label?, step: Int) -> DenoiserInput {
    var latents = texts.count > 1 ? x.repeated(texts.count) : x
    if let concatenated { latents = Tensor.concatenate([latents, concatenated], axis: 1) }
    let (context, pooled) = encodings(at: step)
    var call = DenoiserInput(latents: latents, timestep: timestep, context: context, label: label)
    (call.pooled, call.micro) = (pooled, micro)
    return call
  }

  /// The texts of a step, one batch; made anew where one changes.
  private mutating func encodings(at step: Int) -> (Tensor?, Tensor?) {
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
