/// A text that changes along the steps, by AUTOMATIC1111's rules: `[from:to:when]`, `[to:when]`, `[from::when]` and
/// `[a|b|c]`, one of them a step in turn; all may hold each other and weights. `when` is how many steps come before the
/// change: a share of them where it has a point, else their number. A bracket that is none of these stays in the text; where
/// a `|` or a backslash is left over, all of it stays.
struct PromptSchedule: Equatable {
  private enum Node: Equatable {
    case text(String)
    case scheduled(before: [Node], after: [Node], when: Change)
    case alternate([[Node]])
  }

  /// Where a text changes.
  private enum Change: Equatable {
    case steps(Double)
    case share(Double)
  }

  private let nodes: [Node]

  init(_ text: String) {
    var parser = Parser(text)
    nodes = parser.whole() ?? [.text(text)]
  }

  /// Whether all steps have one text.
  var isConstant: Bool { nodes.allSatisfy { if case .text = $0 { true } else { false } } }

  /// - Parameters:
  ///   - step: 1 is the first.
  ///   - steps: of a full run.
  func text(at step: Int, of steps: Int) -> String { Self.text(nodes, step, steps) }

  private static func text(_ nodes: [Node], _ step: Int, _ steps: Int) -> String {
    nodes.map { node in
      switch node {
      case .text(let text): text
      case .alternate(let choices): Self.text(choices[(step - 1) % choices.count], step, steps)
      case .scheduled(let before, let after, let when):
        switch when {
        case .steps(let number): Self.text(Double(step) <= number.rounded(.towardZero) ? before : after, step, steps)
        case .share(let share):
          Self.text(Double(step) <= (share * Double(steps)).rounded(.towardZero) ? before : after, step, steps)
        }
      }
    }.joined()
  }

  /// Descends; what fails once at a place fails there always, so that no text costs more than its length times the depth.
  private struct Parser {
    private let characters: [Character]
    private var place = 0
    private var depth = 0
    private var failed = Set<Int>()
    private static let deepest = 64

    init(_ text: String) { characters = Array(text) }

    private var next: Character? { place < characters.count ? characters[place] : nil }

    /// nil where the text is to be taken as it is.
    mutating func whole() -> [Node]? {
      var result: [Node] = []
      while true {
        result += sequence()
        guard let stray = next else { return result }
        guard stray != "|", stray != "\\" else { return nil }
        result.append(.text(String(stray)))
        place += 1
      }
    }

    /// Text and well-formed brackets, as far as they reach.
    private mutating func sequence() -> [Node] {
      var result: [Node] = []
      var text = ""
      func flush() {
        if !text.isEmpty { result.append(.text(text)) }
        text = ""
      }
      while let character = next {
        if character == "(" || character == "[" {
          guard let group = group(character) else { break }
          flush()
          result += group
        } else if ")]:|".contains(character) || character == "\\" && place + 1 == characters.count {
          break
        } else {
          text.append(character)
          if character == "\\" { text.append(characters[place + 1]) }
          place += character == "\\" ? 2 : 1
        }
      }
      flush()
      return result
    }

    /// A bracket with all in it; nil, and nothing read, where it is not well-formed.
    private mutating func group(_ open: Character) -> [Node]? {
      let start = place
      guard depth < Self.deepest, !failed.contains(start) else { return nil }
      place += 1
      depth += 1
      let result = open == "(" ? emphasis() : choice()
      depth -= 1
      if result == nil {
        failed.insert(start)
        place = start
      }
      return result
    }

    /// `(text)` and `(text:text)`: weights, which are read later.
    private mutating func emphasis() -> [Node]? {
      var result = [Node.text("(")] + sequence()
      if next == ":" {
        place += 1
        result += [.text(":")] + sequence()
      }
      guard next == ")" else { return nil }
      place += 1
      return result + [.text(")")]
    }

    private mutating func choice() -> [Node]? {
      var fields = [sequence()]
      var marks: [Character] = []
      while let mark = next, mark == ":" || mark == "|" {
        marks.append(mark)
        place += 1
        fields.append(sequence())
      }
      guard next == "]" else { return nil }
      place += 1
      if marks.isEmpty { return [.text("[")] + fields[0] + [.text("]")] }
      if marks.allSatisfy({ $0 == "|" }) { return [.alternate(fields)] }
      guard marks.count <= 2, marks.allSatisfy({ $0 == ":" }), let when = change(fields[fields.count - 1]) else {
        return nil
      }
      let after = fields[fields.count - 2]
      return [.scheduled(before: fields.count == 3 ? fields[0] : [], after: after, when: when)]
    }

    private func change(_ field: [Node]) -> Change? {
      guard field.count == 1, case .text(let text) = field[0],
        let match = text.wholeMatch(of: #/\s*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*/#),
        let value = Double(match.1), value.isFinite
      else { return nil }
      return match.1.contains(".") ? .share(value) : .steps(value)
    }
  }
}
