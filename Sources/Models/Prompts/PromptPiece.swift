import Diffusion

/// A part of a prompt whose tokens have one weight.
public struct PromptPiece: Sendable, Equatable {
  public var text: String
  public var weight: Double
  /// A new window begins here; there is no text.
  public var isBreak = false

  public init(_ text: String, _ weight: Double = 1) { (self.text, self.weight) = (text, weight) }

  static let windowBreak: PromptPiece = {
    var piece = PromptPiece("")
    piece.isBreak = true
    return piece
  }()
}

extension Prompt {
  /// The prompt's parts in order, neighbours of one weight joined. Of a prompt that changes along the steps these are the
  /// parts of one step: `course(steps:)` comes first.
  public func pieces() -> [PromptPiece] {
    switch style {
    case .plain: [PromptPiece(text)]
    case .a1111: PromptParser(text, style: style).pieces().flatMap(Self.broken)
    case .comfy: PromptParser(text, style: style).pieces()
    case .compel: (try? CompelPrompt(text))?.parts[0].texts[0] ?? [PromptPiece(text)]
    }
  }

  /// BREAK, a word of its own, between parts.
  private static func broken(_ piece: PromptPiece) -> [PromptPiece] {
    // Simple: for Unicode, "cat.BREAK" is one word.
    let mark = #/\s*\bBREAK\b\s*/#.wordBoundaryKind(.simple)
    let parts = piece.text.split(separator: mark, omittingEmptySubsequences: false)
    return parts.enumerated().flatMap { index, part in
      (index > 0 ? [.windowBreak] : [])
        + (part.isEmpty && parts.count > 1 ? [] : [PromptPiece(String(part), piece.weight)])
    }
  }
}

/// Weights by brackets: AUTOMATIC1111's, where numbers multiply and each kind of bracket closes by itself, and ComfyUI's,
/// where a number is the weight whatever stands around it and a bracket that nothing closes is text, with all after it.
struct PromptParser {
  private let characters: [Character]
  private let isComfy: Bool
  private static let factor = 1.1

  init(_ text: String, style: PromptStyle) { (characters, isComfy) = (Array(text), style == .comfy) }

  private struct Part {
    var character: Character
    var weight = 1.0
    var isFinal = false
  }

  func pieces() -> [PromptPiece] {
    var parts: [Part] = []
    var open: [(kind: Character, start: Int)] = []
    /// Closes the last bracket of a kind; false where none is open.
    func close(_ kind: Character, _ factor: Double, isNumber: Bool = false) -> Bool {
      guard let index = open.lastIndex(where: { $0.kind == kind }) else { return false }
      for place in open.remove(at: index).start..<parts.count where !parts[place].isFinal {
        parts[place].weight *= factor
        parts[place].isFinal = isNumber && isComfy
      }
      return true
    }
    let marks = isComfy ? characters[..<unclosed] : characters[...]
    var place = 0
    while place < characters.count {
      let character = characters[place]
      let isMark = place < marks.endIndex
      if let escaped = escaped(at: place) {
        parts.append(Part(character: escaped))
        place += 2
      } else if character == "\\" && !isComfy {
        place += 1  // It escapes nothing, and is no text.
      } else if isMark, character == "(" || character == "[" && !isComfy {
        open.append((character, parts.count))
        place += 1
      } else if isMark, character == ":", let (weight, end) = number(after: place), close("(", weight, isNumber: true) {
        place = end
      } else if isMark,
        character == ")" && close("(", Self.factor)
          || character == "]" && !isComfy && close("[", 1 / Self.factor)
      {
        place += 1
      } else {
        parts.append(Part(character: character))
        place += 1
      }
    }
    while let bracket = open.last { _ = close(bracket.kind, bracket.kind == "(" ? Self.factor : 1 / Self.factor) }
    return Self.joined(parts)
  }

  private func escaped(at place: Int) -> Character? {
    guard characters[place] == "\\", place + 1 < characters.count else { return nil }
    let next = characters[place + 1]
    return (isComfy ? "()" : "()[]\\").contains(next) ? next : nil
  }

  /// Where the first round bracket stands that nothing closes; the end where there is none.
  private var unclosed: Int {
    var open: [Int] = []
    var place = 0
    while place < characters.count {
      if escaped(at: place) != nil {
        place += 1
      } else if characters[place] == "(" {
        open.append(place)
      } else if characters[place] == ")" {
        _ = open.popLast()
      }
      place += 1
    }
    return open.first ?? characters.count
  }

  /// The weight in `: 1.2)`, and where the text goes on.
  private func number(after colon: Int) -> (Double, end: Int)? {
    var place = colon + 1
    func run(_ belongs: (Character) -> Bool) -> String {
      let rest = characters[place...].prefix(while: belongs)
      place = rest.endIndex
      return String(rest)
    }
    _ = run(\.isWhitespace)
    let text = run { $0.isNumber && $0.isASCII || ".+-".contains($0) }
    _ = run(\.isWhitespace)
    guard place < characters.count, characters[place] == ")", let value = Double(text) else { return nil }
    return (value, place + 1)
  }

  private static func joined(_ parts: [Part]) -> [PromptPiece] {
    var result: [PromptPiece] = []
    for part in parts {
      if result.last?.weight == part.weight {
        result[result.count - 1].text.append(part.character)
      } else {
        result.append(PromptPiece(String(part.character), part.weight))
      }
    }
    return result.isEmpty ? [PromptPiece("")] : result
  }
}
