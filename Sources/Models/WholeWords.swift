import Weights

/// Texts that a tokenizer does not cut, as each has ids of its own.
struct WholeWords: Sendable {
  struct Word: Sendable {
    let text: [Unicode.Scalar]
    let ids: [Int]
    /// Not in another case.
    let isExact: Bool
    /// Not within a longer word, or a longer number.
    let isWhole: Bool

    init(_ text: String, _ ids: [Int], isExact: Bool = false, isWhole: Bool = false) {
      (self.text, self.ids, self.isExact, self.isWhole) = (Array(text.unicodeScalars), ids, isExact, isWhole)
    }

    init(_ token: AddedToken, _ id: Int) {
      self.init(token.text, [id], isExact: !token.ignoresCase, isWhole: token.isWhole)
    }
  }

  /// In the order in which they are looked for.
  private var words: [Word] = []

  /// Exact words come before others, then longer ones before shorter; of equals the last added one counts.
  mutating func insert(_ word: Word) {
    guard !word.text.isEmpty else { return }
    func comesFirst(_ other: Word) -> Bool {
      other.isExact == word.isExact ? other.text.count > word.text.count : other.isExact
    }
    words.insert(word, at: words.firstIndex { !comesFirst($0) } ?? words.endIndex)
  }

  /// The ids of such words in a text, and between them what `encode` makes of the rest.
  func tokens(of text: String, encode: (ArraySlice<Unicode.Scalar>) -> [Int]) -> [Int] {
    let scalars = Array(text.unicodeScalars)
    var result: [Int] = []
    var (place, rest) = (0, 0)
    while place < scalars.count {
      if let word = words.first(where: { Self.stands($0, in: scalars, at: place) }) {
        result += encode(scalars[rest..<place]) + word.ids
        place += word.text.count
        rest = place
      } else {
        place += 1
      }
    }
    return result + encode(scalars[rest...])
  }

  /// How many tokens belong together from `id` on: those of such a word; 1 for all others.
  func extent(of id: Int) -> Int { words.first { $0.ids.first == id }?.ids.count ?? 1 }

  private static func stands(_ word: Word, in text: [Unicode.Scalar], at place: Int) -> Bool {
    let end = place + word.text.count
    guard end <= text.count, let first = word.text.first, let last = word.text.last else { return false }
    let isEqual = zip(word.text, text[place...]).allSatisfy {
      $0 == $1 || !word.isExact && $0.properties.lowercaseMapping == $1.properties.lowercaseMapping
    }
    guard isEqual && word.isWhole else { return isEqual }
    func continues(_ scalar: Unicode.Scalar, _ inner: Unicode.Scalar) -> Bool {
      scalar.properties.isAlphabetic && inner.properties.isAlphabetic
        || scalar.properties.numericType != nil && inner.properties.numericType != nil
    }
    return !(place > 0 && continues(text[place - 1], first)) && !(end < text.count && continues(text[end], last))
  }
}
