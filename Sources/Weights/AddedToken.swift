import Foundation

/// A token that was added to a vocabulary: it stands wherever its text does.
public struct AddedToken: Sendable, Equatable {
  public let text: String
  public let id: Int
  /// Whether the text may be in upper or lower case; transformers says "normalized".
  public let ignoresCase: Bool
  /// Not within a longer word.
  public let isWhole: Bool
}

extension TokenizerFiles {
  /// The tokens beside those of the vocabulary's own file, by their ids. As transformers reads them: from
  /// tokenizer_config.json; where that has no list, from added_tokens.json and tokenizer.json.
  ///
  /// - Throws: `ConfigError` for a list of something else.
  public func addedTokens() throws(ConfigError) -> [AddedToken] {
    var tokens: [Int: AddedToken] = [:]
    if let list = try config?.object("added_tokens_decoder") {
      let entries: [String: AddedEntry] = try decoded(list.json, list.path)
      for (key, entry) in entries { try entry.add(to: &tokens, Int(key), list.path) }
    } else {
      if let added {
        let ids: [String: Int] = try decoded(FileManager.default.contents(atPath: added), added)
        for (text, id) in ids { try AddedEntry(content: text).add(to: &tokens, id, added) }
      }
      if let tokenizer {
        let whole: AddedEntries = try decoded(FileManager.default.contents(atPath: tokenizer), tokenizer)
        for entry in whole.entries ?? [] { try entry.add(to: &tokens, entry.id, tokenizer) }
      }
    }
    return tokens.values.sorted { $0.id < $1.id }
  }

  private func decoded<Value: Decodable>(_ data: Data?, _ file: String) throws(ConfigError) -> Value {
    guard let data, let value = try? JSONDecoder().decode(Value.self, from: data) else {
      throw .unreadable(file: file, why: "no list of added tokens")
    }
    return value
  }
}

/// As the files write it.
private struct AddedEntry: Decodable {
  var content: String
  var id: Int?
  var normalized, special, singleWord: Bool?

  private enum CodingKeys: String, CodingKey {
    case content, id, normalized, special
    case singleWord = "single_word"
  }

  init(content: String) { self.content = content }

  func add(to tokens: inout [Int: AddedToken], _ id: Int?, _ file: String) throws(ConfigError) {
    guard let id, id >= 0 else { throw .unreadable(file: file, why: "the added token \(content) has no id") }
    guard !content.isEmpty else { return }
    // What is left out is as in transformers' AddedToken.
    tokens[id] = AddedToken(
      text: content, id: id, ignoresCase: normalized ?? !(special ?? false), isWhole: singleWord ?? false)
  }
}

/// Of a tokenizer.json.
private struct AddedEntries: Decodable {
  var entries: [AddedEntry]?

  private enum CodingKeys: String, CodingKey { case entries = "added_tokens" }
}
