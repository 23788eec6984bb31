/// compel's marks: `word+`, `word--`, `(some words)1.2`, `"some words"+`, `word.attend(1.2)`; a plus is a factor of 1.1, a
/// minus of 0.9, and nested weights multiply. A bracket that is not closed, or holds what no bracket may, is text.
struct CompelParser {
  private let text: [Character]
  private var place = 0
  private var depth = 0
  private var failed = Set<Int>()
  /// The name of an operator that is not obeyed.
  private(set) var refused: String?

  private static let symbols = Set("()\",.+-=")
  private static let deepest = 64

  init(_ text: some Sequence<Character>) { self.text = Array(text) }

  private var next: Character? { place < text.count ? text[place] : nil }
  var isAtEnd: Bool { text[place...].allSatisfy(\.isWhitespace) }

  private mutating func skipSpace() { while next?.isWhitespace == true { place += 1 } }

  private mutating func skip(_ mark: String) -> Bool {
    guard text[place...].starts(with: mark) else { return false }
    place += mark.count
    return true
  }

  /// All of it; what is neither weighted nor in brackets is taken word by word as it stands.
  mutating func whole() -> [PromptPiece] {
    var result: [PromptPiece] = []
    skipSpace()
    while let character = next {
      let start = place
      if let group = element(), group.isMarked || character == "(" || character == "\"" {
        result += group.pieces
      } else {
        place = start
        while let next, !next.isWhitespace { place += 1 }
        result.append(Self.piece(String(text[start..<place])))
      }
      skipSpace()
    }
    return Self.fused(result)
  }

  /// `("a", "b").name(options)` at the start; nil, and nothing read, where there is none.
  mutating func call() -> (name: String, texts: [[PromptPiece]], options: [String])? {
    let start = place
    var isCall = false
    defer { if !isCall { place = start } }
    skipSpace()
    guard skip("(") else { return nil }
    var texts: [[PromptPiece]] = []
    repeat {
      skipSpace()
      guard let text = target() else { return nil }
      texts.append(Self.fused(text))
      skipSpace()
    } while skip(",")
    guard skip(")"), let name = ["blend", "and", "add"].first(where: { skip(".\($0)") }), skip("(") else { return nil }
    guard let close = text[place...].firstIndex(of: ")") else { return nil }
    let options = text[place..<close].split(separator: ",").map { String($0.filter { !$0.isWhitespace }) }
    place = close + 1
    isCall = true
    return (name, texts, options)
  }

  private mutating func target() -> [PromptPiece]? {
    if next == "\"" {
      let start = place
      if let pieces = group() { return pieces }
      place = start
      guard let content = quotation() else { return nil }
      var inner = CompelParser(content)
      defer { refused = refused ?? inner.refused }
      return inner.whole()
    }
    return next == "(" ? group() : word().map { [Self.piece($0)] }
  }

  /// A word or a bracket with the weight behind it.
  private mutating func element() -> (pieces: [PromptPiece], isMarked: Bool)? {
    let isGroup = next == "(" || next == "\""
    guard let pieces = isGroup ? group() : word().map({ [Self.piece($0)] }) else { return nil }
    let start = place
    if skip(".attend(") {
      skipSpace()
      if let factor = factor(number: true) {
        skipSpace()
        if skip(")") { return (Self.weighted(pieces, factor), true) }
      }
      place = start
    }
    if skip(".swap(") { refused = "swap" }
    place = start
    guard let factor = factor(number: isGroup) else { return (pieces, false) }
    return (Self.weighted(pieces, factor), true)
  }

  /// `++`, `--`, or a number.
  private mutating func factor(number: Bool) -> Double? {
    for (sign, base) in [("+", 1.1), ("-", 0.9)] as [(Character, Double)] where next == sign {
      var factor = 1.0
      while next == sign {
        factor *= base
        place += 1
      }
      return factor
    }
    guard number, let match = String(text[place...].prefix(40)).prefixMatch(of: #/[0-9]+(?:\.[0-9]*)?|\.[0-9]+/#) else {
      return nil
    }
    place += match.0.count
    return Double(match.0.hasSuffix(".") ? match.0.dropLast() : match.0)
  }

  /// What stands in round brackets or in quotation marks; nil where it is ill-formed.
  private mutating func group() -> [PromptPiece]? {
    let start = place
    guard depth < Self.deepest, !failed.contains(start) else { return nil }
    depth += 1
    defer { depth -= 1 }
    var result: [PromptPiece]?
    if next == "\"" {
      if let content = quotation() {
        var inner = CompelParser(content)
        inner.depth = depth
        let pieces = inner.fragment()
        if inner.isAtEnd { result = pieces }
        refused = refused ?? inner.refused
      }
    } else {
      place += 1
      let pieces = fragment()
      if skip(")") { result = pieces }
    }
    if result == nil {
      failed.insert(start)
      place = start
    }
    return result
  }

  /// The inside of `"..."`, in which `\"` is no end.
  private mutating func quotation() -> ArraySlice<Character>? {
    let start = place + 1
    var end = start
    while end < text.count, text[end] != "\"" {
      if text[end].isNewline { return nil }
      end += text[end] == "\\" && end + 1 < text.count && text[end + 1] == "\"" ? 2 : 1
    }
    guard end < text.count else { return nil }
    place = end + 1
    return text[start..<end]
  }

  private mutating func fragment() -> [PromptPiece] {
    var result: [PromptPiece] = []
    skipSpace()
    while let character = next {
      if let element = element() {
        result += element.pieces
      } else if character == "," || character == "." {
        result.append(PromptPiece(String(character)))
        place += 1
      } else {
        break
      }
      skipSpace()
    }
    return result
  }

  /// A run of characters none of which is a mark.
  private mutating func word() -> String? {
    let start = place
    func isPlain(_ character: Character?) -> Bool {
      character.map { !$0.isWhitespace && !Self.symbols.contains($0) } ?? false
    }
    while let character = next {
      let after = place + 1 < text.count ? text[place + 1] : nil
      if character == "\\", let after, Self.symbols.contains(after) {
        place += 2
      } else if isPlain(character) || character == "-" && isPlain(after) || character == "+" && isPlain(after) {
        place += 1
      } else {
        break
      }
    }
    return place == start ? nil : String(text[start..<place])
  }

  private static func piece(_ text: String) -> PromptPiece {
    PromptPiece(text.replacing(#/\\([()"])/#) { $0.1 })
  }

  private static func weighted(_ pieces: [PromptPiece], _ factor: Double) -> [PromptPiece] {
    pieces.map { PromptPiece($0.text, $0.weight * factor) }
  }

  /// Neighbours of one weight as one.
  private static func fused(_ pieces: [PromptPiece]) -> [PromptPiece] {
    var result: [PromptPiece] = []
    for piece in pieces {
      if let last = result.last, last.weight == piece.weight {
        result[result.count - 1].text += " " + piece.text
      } else {
        result.append(piece)
      }
    }
    return result.isEmpty ? [PromptPiece("")] : result
  }
}
