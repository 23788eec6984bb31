import Foundation
import Weights

extension CLIPTokenizer {
  /// A byte-pair model from vocab.json and merges.txt, from merges.txt alone (the vocabulary follows from it), or from
  /// tokenizer.json; pad token and length from tokenizer_config.json; and the tokens that were added.
  ///
  /// - Parameter length: the most that the network takes; used where the config names none (files say 10³⁰ for "any").
  public init(_ files: TokenizerFiles, length: Int = 77) throws {
    let config = files.config
    let tables =
      if let merges = files.merges {
        try Tables(vocabulary: files.vocabulary, merges: merges)
      } else {
        try Tables(tokenizer: files.tokenizer ?? "\(files.folder)/tokenizer.json")
      }
    func token(_ key: String, default value: String) throws -> String {
      guard let config, config.has(key) else { return value }
      if let text = try? config.optionalString(key) { return text }
      return try config.object(key)?.string("content", default: value) ?? value
    }
    let end = try token("eos_token", default: "<|endoftext|>")
    let said = try config?.optionalNumber("model_max_length").flatMap { (3..<100_000).contains($0) ? Int($0) : nil }
    try self.init(
      vocabulary: tables.vocabulary, merges: tables.merges, added: files.addedTokens(),
      length: min(said ?? length, length), start: try token("bos_token", default: "<|startoftext|>"), end: end,
      padding: try token("pad_token", default: end), file: files.folder)
  }

  private struct Tables {
    let vocabulary: [String: Int]
    let merges: [(String, String)]

    init(vocabulary path: String?, merges mergesPath: String) throws(TokenizerError) {
      guard let data = FileManager.default.contents(atPath: mergesPath) else {
        throw .unreadable(file: mergesPath, why: "cannot be read")
      }
      merges = data.lines.compactMap { $0.hasPrefix("#version") ? nil : Self.pair($0) }
      guard !merges.isEmpty else { throw .unreadable(file: mergesPath, why: "holds no merges") }
      guard let path else {
        vocabulary = CLIPTokenizer.vocabulary(of: merges)
        return
      }
      guard let object = try Self.json(path) as? [String: Int] else {
        throw .unreadable(file: path, why: "not an object of token ids")
      }
      vocabulary = object
    }

    init(tokenizer path: String) throws(TokenizerError) {
      guard let object = try Self.json(path) as? [String: Any], let model = object["model"] as? [String: Any],
        let vocabulary = model["vocab"] as? [String: Int], let list = model["merges"] as? [Any]
      else { throw .unreadable(file: path, why: "holds no byte-pair model") }
      self.vocabulary = vocabulary
      merges = list.compactMap { entry in
        if let line = entry as? String { return Self.pair(Substring(line)) }
        return (entry as? [String]).flatMap { $0.count == 2 ? ($0[0], $0[1]) : nil }
      }
    }

    private static func pair(_ line: Substring) -> (String, String)? {
      let parts = line.split(separator: " ")
      return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
    }

    private static func json(_ path: String) throws(TokenizerError) -> Any {
      guard let data = FileManager.default.contents(atPath: path) else {
        throw .unreadable(file: path, why: "cannot be read")
      }
      guard let value = try? JSONSerialization.jsonObject(with: data) else {
        throw .unreadable(file: path, why: "not JSON")
      }
      return value
    }
  }
}
