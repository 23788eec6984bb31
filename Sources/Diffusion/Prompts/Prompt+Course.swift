extension Prompt {
  /// The prompts that AND joins, each with its weight, `text :weight`; one of weight 1 where there is no AND, and in styles
  /// that know none. Liu et al. 2022, arXiv:2206.01714, as AUTOMATIC1111 writes it.
  public func composed() -> [(prompt: Prompt, weight: Double)] {
    guard style == .a1111 else { return [(self, 1)] }
    // Simple: for Unicode, "cat.AND" is one word.
    let parts = text.split(separator: #/\bAND\b/#.wordBoundaryKind(.simple), omittingEmptySubsequences: false)
    guard parts.count > 1 else { return [(self, 1)] }
    return parts.map { part in
      let mark = part.firstMatch(of: #/\s*:\s*([-+]?(?:[0-9]+\.?|[0-9]*\.[0-9]+))\s*$/#)
      let words = part[..<(mark?.range.lowerBound ?? part.endIndex)]
      return (with(words.trimmed), mark.flatMap { Double($0.1.hasSuffix(".") ? $0.1.dropLast() : $0.1) } ?? 1)
    }
  }

  /// Whether its text depends on the step.
  public var changes: Bool { style == .a1111 && !PromptSchedule(text).isConstant }

  /// The prompt at each of `steps` steps, the marks that say when taken out.
  public func course(steps: Int) -> [Prompt] {
    guard style == .a1111 else { return Array(repeating: self, count: steps) }
    let schedule = PromptSchedule(text)
    guard steps > 0, !schedule.isConstant else { return Array(repeating: self, count: steps) }
    return (1...steps).map { with(schedule.text(at: $0, of: steps)) }
  }

  func with(_ text: String) -> Prompt {
    var result = self
    result.text = text
    return result
  }
}

extension StringProtocol {
  /// Without white space at its ends.
  var trimmed: String { String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed()) }
}
