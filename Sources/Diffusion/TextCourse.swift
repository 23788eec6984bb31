/// What the UNet reads along the steps: most often one text, else one after another.
public struct TextCourse: Sendable {
  /// Each distinct text once.
  public private(set) var encodings: [TextEncoding]
  /// Which of them each step reads, from the run's first; steps behind the last read as it does.
  public private(set) var order: [Int]
  /// Of this text, where several are composed.
  public var weight = 1.0

  /// One text at all steps.
  public init(_ encoding: TextEncoding) { (encodings, order) = ([encoding], [0]) }

  /// - Parameters:
  ///   - prompts: of each step.
  ///   - encode: called once for each distinct one.
  public init(_ prompts: [Prompt], weight: Double = 1, encode: (Prompt) throws -> TextEncoding) rethrows {
    precondition(!prompts.isEmpty, "a course without steps")
    var places: [String: Int] = [:]
    (encodings, order, self.weight) = ([], [], weight)
    for prompt in prompts {
      if places[prompt.text] == nil {
        places[prompt.text] = encodings.count
        encodings.append(try encode(prompt))
      }
      order.append(places[prompt.text]!)
    }
  }

  /// The text, where it is the same at all steps.
  public var constant: TextEncoding? { encodings.count == 1 ? encodings[0] : nil }

  /// - Parameter step: 0 is the run's first.
  func place(at step: Int) -> Int { order[min(step, order.count - 1)] }
}
