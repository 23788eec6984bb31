import Foundation
import Weights

/// BERT's WordPiece (Devlin et al. 2018, arXiv 1810.04805, after Schuster & Nakajima 2012): words and punctuation, each
/// cut into the longest pieces that the vocabulary holds.
public struct BERTTokenizer: Sendable {
  /// Length of every row of ids.
  public let length: Int
  /// All ids of the vocabulary are below.
  public let size: Int
  private let vocabulary: [String: Int]
  private let start, end, padding, unknown: Int
  private let lowercases, stripsAccents, cutsIdeographs: Bool
  private var whole = WholeWords()
  /// Longer words are unknown, as in BERT.
  private static let longestWord = 100
  private static let special = ["[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"]

  /// A vocabulary from vocab.txt or tokenizer.json; what becomes of a text before it is cut, from tokenizer_config.json.
  public init(_ files: TokenizerFiles, length: Int = 77) throws {
    let lines = FileManager.default.contents(atPath: "\(files.folder)/vocab.txt")?.lines
    let added = try files.addedTokens()
    let table = try Self.vocabulary(lines, files).merging(added.map { ($0.text, $0.id) }) { own, _ in own }
    func id(_ token: String) throws(TokenizerError) -> Int {
      guard let id = table[token] else { throw .missing(token: token, file: files.folder) }
      return id
    }
    (vocabulary, self.length, size) = (table, max(length, 3), try table.size(files.folder))
    (start, end, padding, unknown) = (try id("[CLS]"), try id("[SEP]"), try id("[PAD]"), try id("[UNK]"))
    let lowercases = try files.config?.bool("do_lower_case", default: true) ?? true
    (self.lowercases, stripsAccents) = (lowercases, try files.config?.optionalBool("strip_accents") ?? lowercases)
    cutsIdeographs = try files.config?.bool("tokenize_chinese_chars", default: true) ?? true
    for text in Self.special where table[text] != nil { whole.insert(.init(text, [try id(text)], isExact: true)) }
    for token in added where !Self.special.contains(token.text) { whole.insert(.init(token, try id(token.text))) }
  }

  private static func vocabulary(_ lines: [Substring]?, _ files: TokenizerFiles) throws -> [String: Int] {
    if let lines {
      // The last line has an end too.
      let tokens = lines.last?.isEmpty == true ? lines.dropLast() : lines[...]
      return Dictionary(tokens.enumerated().map { (String($1), $0) }) { first, _ in first }
    }
    let path = files.tokenizer ?? "\(files.folder)/tokenizer.json"
    guard let data = FileManager.default.contents(atPath: path),
      let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
      let model = object["model"] as? [String: Any], let table = model["vocab"] as? [String: Int]
    else { throw TokenizerError.unreadable(file: files.folder, why: "no vocab.txt and no WordPiece model") }
    return table
  }

  /// Ids of a text between its start and end tokens, cut or padded to `length`.
  public func encode(_ text: String) -> [Int] {
    let ids = [start] + tokens(of: text).prefix(length - 2) + [end]
    return ids + Array(repeating: padding, count: length - ids.count)
  }

  /// Ids of the text alone. Special tokens written in it stand for themselves.
  public func tokens(of text: String) -> [Int] { whole.tokens(of: text) { words($0).flatMap(pieces) } }

  private func words(_ scalars: ArraySlice<Unicode.Scalar>) -> [String] {
    let text = String(String.UnicodeScalarView(scalars.filter { !Self.isDropped($0) }))
    var words: [String] = []
    var word = String.UnicodeScalarView()
    func finish() {
      if !word.isEmpty { words.append(String(word)) }
      word = String.UnicodeScalarView()
    }
    for scalar in (stripsAccents ? text.decomposedStringWithCanonicalMapping : text).unicodeScalars {
      if scalar.properties.isWhitespace {
        finish()
      } else if stripsAccents && scalar.properties.generalCategory == .nonspacingMark {
        continue  // an accent
      } else if Self.isPunctuation(scalar) || cutsIdeographs && Self.isIdeograph(scalar) {
        finish()
        words.append(String(scalar))
      } else if lowercases {
        word.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
      } else {
        word.append(scalar)
      }
    }
    finish()
    return words
  }

  /// Of the controls only tab, line feed and carriage return stay, as white space.
  private static func isDropped(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control: !["\t", "\n", "\r"].contains(scalar)
    case .format, .privateUse: true
    default: scalar == "\u{fffd}"
    }
  }

  private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 33...47, 58...64, 91...96, 123...126: return true
    default: break
    }
    switch scalar.properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      return true
    default: return false
    }
  }

  private static func isIdeograph(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x4e00...0x9fff, 0x3400...0x4dbf, 0x20000...0x2a6df, 0x2a700...0x2ceaf, 0xf900...0xfaff, 0x2f800...0x2fa1f:
      true
    default: false
    }
  }

  private func pieces(_ word: String) -> [Int] {
    let scalars = Array(word.unicodeScalars)
    guard scalars.count <= Self.longestWord else { return [unknown] }
    var (result, place): ([Int], Int) = ([], 0)
    while place < scalars.count {
      var end = scalars.count
      var found: Int?
      while end > place && found == nil {
        var piece = String.UnicodeScalarView(scalars[place..<end])
        if place > 0 { piece.insert(contentsOf: "##".unicodeScalars, at: piece.startIndex) }
        found = vocabulary[String(piece)]
        if found == nil { end -= 1 }
      }
      guard let found else { return [unknown] }
      result.append(found)
      place = end
    }
    return result
  }
}
