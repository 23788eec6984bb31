import Foundation
import Weights

/// CLIP's byte-pair encoding (Radford et al. 2021, after Sennrich et al. 2016, arXiv 1508.07909), as transformers 5 has it:
/// no ftfy, no HTML entities.
public struct CLIPTokenizer: Sendable {
  /// Length of every row of ids.
  public let length: Int
  /// All ids of the vocabulary are below.
  public let size: Int
  public let start, end, padding: Int
  private let vocabulary: [String: Int]
  private let ranks: [Pair: Int]
  private var whole = WholeWords()

  private struct Pair: Hashable {
    let left, right: String
  }

  /// - Parameters:
  ///   - vocabulary: token → id; the last symbol of a word ends in `</w>`.
  ///   - merges: pairs, the earliest first.
  ///   - added: tokens beside those of the vocabulary, whose own id counts where it has one.
  init(
    vocabulary: [String: Int], merges: [(String, String)], added: [AddedToken], length: Int, start: String, end: String,
    padding: String, file: String
  ) throws(TokenizerError) {
    let vocabulary = vocabulary.merging(added.map { ($0.text, $0.id) }) { own, _ in own }
    func id(_ token: String) throws(TokenizerError) -> Int {
      guard !token.isEmpty else { throw .unreadable(file: file, why: "one of the special tokens is empty") }
      guard let id = vocabulary[token] else { throw .missing(token: token, file: file) }
      return id
    }
    (self.vocabulary, self.length, size) = (vocabulary, length, try vocabulary.size(file))
    (self.start, self.end, self.padding) = (try id(start), try id(end), try id(padding))
    ranks = Dictionary(merges.enumerated().map { (Pair(left: $1.0, right: $1.1), $0) }) { first, _ in first }
    // The padding too: in SD 2, whose pad token is "!", every "!" of a prompt becomes that token.
    let special = Set([start, end, padding])
    for text in special { whole.insert(.init(text, [try id(text)], isExact: true)) }
    for token in added where !special.contains(token.text) { whole.insert(.init(token, try id(token.text))) }
  }

  /// Ids of a text between its start and end tokens, cut or padded to `length`.
  public func encode(_ text: String) -> [Int] {
    let ids = [start] + tokens(of: text).prefix(length - 2) + [end]
    return ids + Array(repeating: padding, count: length - ids.count)
  }

  /// Ids of the text alone. Special tokens written in it stand for themselves.
  public func tokens(of text: String) -> [Int] {
    whole.tokens(of: text) { words(normalized($0)).flatMap(pairEncoded) }
  }

  /// With `ids` in place of `word`, in upper and lower case, where it is no part of a longer word.
  func adding(_ word: String, _ ids: [Int]) -> CLIPTokenizer {
    var result = self
    result.whole.insert(.init(word, ids, isWhole: true))
    return result
  }

  /// Whether a token of the vocabulary is the last of its word.
  func endsWord(_ id: Int) -> Bool { vocabulary.contains { $0.value == id && $0.key.hasSuffix("</w>") } }

  /// How many tokens belong together from `id` on: those of an added word; 1 for all others.
  func extent(of id: Int) -> Int { whole.extent(of: id) }

  /// NFC, runs of white space to one space, lower case scalar by scalar (Σ is never a final ς).
  private func normalized(_ scalars: ArraySlice<Unicode.Scalar>) -> [Unicode.Scalar] {
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

  /// Round by round every occurrence of the pair with the earliest merge is joined, from the left. What a round costs are
  /// those occurrences and the ranks in the word, not its length.
  private func pairEncoded(_ word: ArraySlice<Unicode.Scalar>) -> [Int] {
    var bytes = String.UnicodeScalarView()
    bytes.append(contentsOf: word)
    // Empty where one was joined to the one before it.
    var symbols = String(bytes).utf8.map { String(Self.byteAlphabet[Int($0)]) }
    let count = symbols.count
    symbols[count - 1] += "</w>"
    var (before, after) = (Array(-1..<(count - 1)), Array(1...count))
    /// Of the pair that begins there.
    func rank(_ place: Int) -> Int? {
      guard place >= 0, after[place] < count, !symbols[place].isEmpty else { return nil }
      return ranks[Pair(left: symbols[place], right: symbols[after[place]])]
    }
    var places: [Int: [Int]] = [:]
    func note(_ place: Int) {
      if let rank = rank(place) { places[rank, default: []].append(place) }
    }
    for place in 0..<count { note(place) }
    while let best = places.keys.min() {
      for place in places.removeValue(forKey: best)!.sorted() where rank(place) == best {
        let next = after[place]
        symbols[place] += symbols[next]
        symbols[next] = ""
        after[place] = after[next]
        if after[next] < count { before[after[next]] = place }
        note(before[place])
        note(place)
      }
    }
    return symbols.filter { !$0.isEmpty }.map { vocabulary[$0] ?? end }
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
