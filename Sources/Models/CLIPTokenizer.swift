import Foundation

/// CLIP's byte-pair encoding (Radford et al. 2021, after Sennrich et al. 2016, arXiv 1508.07909), as transformers 5 has it:
/// no ftfy, no HTML entities.
public struct CLIPTokenizer: Sendable {
  /// Length of every row of ids.
  public let length: Int
  public let start, end, padding: Int
  private let vocabulary: [String: Int]
  private let ranks: [Pair: Int]
  private let special: [(text: [Unicode.Scalar], id: Int)]
  /// Words with tokens of their own, the longest first.
  private var learned: [(word: [Unicode.Scalar], ids: [Int])] = []

  private struct Pair: Hashable {
    let left, right: String
  }

  /// - Parameters:
  ///   - vocabulary: token → id; the last symbol of a word ends in `</w>`.
  ///   - merges: pairs, the earliest first.
  init(
    vocabulary: [String: Int], merges: [(String, String)], length: Int, start: String, end: String, padding: String,
    file: String
  ) throws(TokenizerError) {
    func id(_ token: String) throws(TokenizerError) -> Int {
      guard let id = vocabulary[token] else { throw .missing(token: token, file: file) }
      return id
    }
    (self.vocabulary, self.length) = (vocabulary, length)
    (self.start, self.end, self.padding) = (try id(start), try id(end), try id(padding))
    ranks = Dictionary(merges.enumerated().map { (Pair(left: $1.0, right: $1.1), $0) }) { first, _ in first }
    // The padding too: in SD 2, whose pad token is "!", every "!" of a prompt becomes that token.
    special = try Set([start, end, padding]).map { (text) throws(TokenizerError) in
      (Array(text.unicodeScalars), try id(text))
    }
  }

  /// Ids of a text between its start and end tokens, cut or padded to `length`.
  public func encode(_ text: String) -> [Int] {
    let ids = [start] + tokens(of: text).prefix(length - 2) + [end]
    return ids + Array(repeating: padding, count: length - ids.count)
  }

  /// Ids of the text alone.
  public func tokens(of text: String) -> [Int] {
    var result: [Int] = []
    var plain: [Unicode.Scalar] = []
    let scalars = Array(text.unicodeScalars)
    var place = 0
    while place < scalars.count {
      // Special tokens written in the text stand for themselves.
      if let match = special.first(where: { scalars[place...].starts(with: $0.text) }) {
        result += words(normalized(plain)).flatMap(pairEncoded) + [match.id]
        plain = []
        place += match.text.count
      } else if let match = learned.first(where: { Self.stands($0.word, in: scalars, at: place) }) {
        result += words(normalized(plain)).flatMap(pairEncoded) + match.ids
        plain = []
        place += match.word.count
      } else {
        plain.append(scalars[place])
        place += 1
      }
    }
    return result + words(normalized(plain)).flatMap(pairEncoded)
  }

  /// With `ids` in place of `word`, in upper and lower case, where it is no part of a longer word.
  func adding(_ word: String, _ ids: [Int]) -> CLIPTokenizer {
    var result = self
    result.learned.append((Array(word.unicodeScalars), ids))
    result.learned.sort { $0.word.count > $1.word.count }
    return result
  }

  /// Whether a token of the vocabulary is the last of its word.
  func endsWord(_ id: Int) -> Bool { vocabulary.contains { $0.value == id && $0.key.hasSuffix("</w>") } }

  /// How many tokens belong together from `id` on: those of a learned word; 1 for all others.
  func extent(of id: Int) -> Int { learned.first { $0.ids.first == id }?.ids.count ?? 1 }

  private static func stands(_ word: [Unicode.Scalar], in text: [Unicode.Scalar], at place: Int) -> Bool {
    let end = place + word.count
    guard end <= text.count, let first = word.first, let last = word.last else { return false }
    let isEqual = zip(word, text[place...]).allSatisfy {
      $0 == $1 || $0.properties.lowercaseMapping == $1.properties.lowercaseMapping
    }
    func continues(_ scalar: Unicode.Scalar, _ inner: Unicode.Scalar) -> Bool {
      scalar.properties.isAlphabetic && inner.properties.isAlphabetic
        || scalar.properties.numericType != nil && inner.properties.numericType != nil
    }
    return isEqual && !(place > 0 && continues(text[place - 1], first))
      && !(end < text.count && continues(text[end], last))
  }

  /// NFC, runs of white space to one space, lower case scalar by scalar (Σ is never a final ς).
  private func normalized(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars)
    var result: [Unicode.Scalar] = []
    for scalar in String(text).precomposedStringWithCanonicalMapping.unicodeScalars {
      if scalar.properties.isWhitespace {
        if result.last != " " { result.append(" ") }
      } else {
        result += scalar.properties.lowercaseMapping.unicodeScalars
      }
    }
    return result
  }

  private enum Kind { case space, letter, number, other }

  private func kind(_ scalar: Unicode.Scalar) -> Kind {
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: .letter
    case .decimalNumber, .letterNumber, .otherNumber: .number
    default: scalar.properties.isWhitespace ? .space : .other
    }
  }

  private static let contractions: [[Unicode.Scalar]] =
    ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"].map { Array($0.unicodeScalars) }

  /// English contractions, runs of letters, single digits, runs of anything else but space.
  private func words(_ text: [Unicode.Scalar]) -> [ArraySlice<Unicode.Scalar>] {
    var result: [ArraySlice<Unicode.Scalar>] = []
    var place = 0
    while place < text.count {
      let kind = kind(text[place])
      var end = place + 1
      if let match = Self.contractions.first(where: { text[place...].starts(with: $0) }) {
        end = place + match.count
      } else if kind == .letter || kind == .other {
        while end < text.count, self.kind(text[end]) == kind { end += 1 }
      }
      if kind != .space { result.append(text[place..<end]) }
      place = end
    }
    return result
  }

  private func pairEncoded(_ word: ArraySlice<Unicode.Scalar>) -> [Int] {
    var bytes = String.UnicodeScalarView()
    bytes.append(contentsOf: word)
    var symbols = String(bytes).utf8.map { String(Self.byteAlphabet[Int($0)]) }
    symbols[symbols.count - 1] += "</w>"
    while symbols.count > 1 {
      let best = (0..<(symbols.count - 1)).compactMap { i in
        ranks[Pair(left: symbols[i], right: symbols[i + 1])].map { (rank: $0, place: i) }
      }.min { $0.rank < $1.rank }
      guard let best else { break }
      symbols = merged(symbols, Pair(left: symbols[best.place], right: symbols[best.place + 1]))
    }
    return symbols.map { vocabulary[$0] ?? end }
  }

  /// Every occurrence of the pair joined, from the left.
  private func merged(_ symbols: [String], _ pair: Pair) -> [String] {
    var result: [String] = []
    var place = 0
    while place < symbols.count {
      if place + 1 < symbols.count, symbols[place] == pair.left, symbols[place + 1] == pair.right {
        result.append(pair.left + pair.right)
        place += 2
      } else {
        result.append(symbols[place])
        place += 1
      }
    }
    return result
  }

  /// The ids that CLIP's own vocabulary file gives: the bytes in the order of their code points, the same at the end of a
  /// word, the merges, the two special tokens.
  public static func vocabulary(of merges: [(String, String)]) -> [String: Int] {
    let bytes = byteAlphabet.sorted { $0.value < $1.value }.map { String($0) }
    let tokens =
      bytes + bytes.map { $0 + "</w>" } + merges.map { $0.0 + $0.1 } + ["<|startoftext|>", "<|endoftext|>"]
    return Dictionary(tokens.enumerated().map { ($1, $0) }) { first, _ in first }
  }

  /// GPT-2's printable stand-ins for bytes (Radford et al. 2019): Latin-1's printable characters for themselves, the
  /// others from U+0100 on.
  private static let byteAlphabet: [Unicode.Scalar] = {
    var next: UInt32 = 256
    return (0..<256).map { (byte: UInt32) in
      if (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte) {
        return Unicode.Scalar(byte)!
      }
      defer { next += 1 }
      return Unicode.Scalar(next)!
    }
  }()
}

public enum TokenizerError: Error, Equatable, CustomStringConvertible {
  case unreadable(file: String, why: String)
  case missing(token: String, file: String)

  public var description: String {
    switch self {
    case .unreadable(let file, let why):
      "\(file): \(why); the tokenizer needs vocab.json and merges.txt, or tokenizer.json"
    case .missing(let token, let file): "\(file): no token \(token) in the vocabulary"
    }
  }
}
