/// What a model reads: a row a text, with what belongs to each row.
struct TextRows {
  let texts: [TextCourse]
  let micro: [[Double]]?
  /// One row, the same for all.
  let concatenated: Tensor?
  /// The rows' texts at the last step.
  private var held: (places: [Int], batches: [Batch])?

  /// Rows that the model reads at once.
  private struct Batch {
    var rows: Range<Int>
    var context, pooled: Tensor?
  }

  init(_ texts: [TextCourse], micro: [[Double]]?, concatenated: Tensor?) {
    (self.texts, self.micro, self.concatenated) = (texts, micro, concatenated)
  }

  /// The calls of the model that all rows take, in their order: one, unless texts are of very different lengths.
  ///
  /// - Parameters:
  ///   - x: `[1, C, h, w]`, scaled for the model.
  ///   - step: of the run.
  mutating func inputs(_ x: Tensor, timestep: Double, label: Label?, step: Int) -> [DenoiserInput] {
    let batches = batches(at: step)
    let row = concatenated.map { Tensor.concatenate([x, $0], axis: 1) } ?? x
    return batches.enumerated().map { index, batch in
      var call = DenoiserInput(
        latents: row.repeated(batch.rows.count), timestep: timestep, context: batch.context, label: label)
      (call.pooled, call.micro) = (batch.pooled, micro.map { Array($0[batch.rows]) })
      // Counted from the last: where guidance is off, the first rows are missing.
      call.window = batches.count - 1 - index
      return call
    }
  }

  /// The texts of a step; made anew where one changes.
  private mutating func batches(at step: Int) -> [Batch] {
    guard !texts.isEmpty else { return [Batch(rows: 0..<1)] }
    let places = texts.map { $0.place(at: step) }
    if let held, held.places == places { return held.batches }
    let encodings = zip(texts, places).map { $0.encodings[$1] }
    let like = encodings.last?.pooled
    let batches = Self.groups(encodings.map { $0.tokens.shape[1] }).map { rows, length -> Batch in
      let tokens = encodings[rows].map(\.tokens).map { tokens in
        Tensor.concatenate(Array(repeating: tokens, count: length / tokens.shape[1]), axis: 1)
      }
      let pooled = like.map { like in
        Tensor.concatenate(encodings[rows].map { $0.pooled ?? Tensor(zeros: like.shape) }, axis: 0)
      }
      return Batch(rows: rows, context: Tensor.concatenate(tokens, axis: 0), pooled: pooled)
    }
    held = (places, batches)
    return batches
  }

  /// Neighbouring rows, and the length up to which each of their texts is repeated: attention over tokens that are all
  /// repeated alike is attention over the tokens. It is at most 4 times the longest text's, as 7, 8 and 9 windows would
  /// meet at 504 only.
  private static func groups(_ lengths: [Int]) -> [(rows: Range<Int>, length: Int)] {
    func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
    var result: [(rows: Range<Int>, length: Int)] = []
    for (row, length) in lengths.enumerated() {
      let last = result.last ?? (rows: row..<row, length: length)
      let common = last.length / divisor(last.length, length) * length
      if common <= 4 * lengths[last.rows.lowerBound...row].max()! {
        _ = result.popLast()
        result.append((rows: last.rows.lowerBound..<(row + 1), length: common))
      } else {
        result.append((rows: row..<(row + 1), length: length))
      }
    }
    return result
  }
}
