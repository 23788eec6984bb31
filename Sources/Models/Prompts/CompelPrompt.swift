import Diffusion

/// A prompt in compel's syntax: texts that are blended, `("a", "b").blend(0.7, 0.3)`, or stand one after another,
/// `("a", "b").and(1, 0.5)`; most often one text.
public struct CompelPrompt: Sendable, Equatable {
  public struct Part: Sendable, Equatable {
    /// More than one where they are blended.
    public var texts: [[PromptPiece]]
    /// Of each text in the blend.
    public var shares: [Double]
    /// Of what it adds to the empty prompt.
    public var weight = 1.0
  }

  public private(set) var parts: [Part]

  /// - Throws: `ConditioningError.range` for calls that are ill-formed or not obeyed.
  public init(_ text: String) throws(ConditioningError) {
    let spaced = text.replacing(#/,(\S)/#) { ", \($0.1)" }
    var parser = CompelParser(spaced)
    let call = parser.call()
    let pieces = call == nil ? parser.whole() : []
    if let name = parser.refused {
      throw .range(
        what: "the prompt's .\(name)()", found: "cross-attention control, which is not obeyed",
        expected: "weights, .blend() and .and()")
    }
    guard let call else {
      parts = [Part(texts: [pieces], shares: [1])]
      return
    }
    func wrong(_ found: String, _ expected: String) -> ConditioningError {
      .range(what: "the prompt's .\(call.name)()", found: found, expected: expected)
    }
    guard parser.isAtEnd else { throw wrong("followed by other text", "the whole prompt") }
    var options = call.options
    let keeps = options.last == "no_normalize"
    if keeps { options.removeLast() }
    let numbers = options.isEmpty ? Array(repeating: 1, count: call.texts.count) : options.compactMap(Double.init)
    guard numbers.count == call.texts.count, options.isEmpty || options.count == numbers.count,
      numbers.allSatisfy(\.isFinite)
    else {
      throw wrong(
        "of \(call.texts.count) texts and (\(call.options.joined(separator: ", ")))", "a number for each text")
    }
    if call.name == "blend" {
      let sum = keeps ? 1 : numbers.reduce(0, +)
      guard sum != 0 else { throw wrong("one whose weights sum to 0", "another sum, or no_normalize") }
      parts = [Part(texts: call.texts, shares: numbers.map { $0 / sum })]
    } else {
      parts = zip(call.texts, numbers).map { Part(texts: [$0], shares: [1], weight: $1) }
    }
  }
}
