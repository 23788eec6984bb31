import Foundation
import Models
import Testing
import Weights

/// `Golden/tokenizer` is made by `Tests/Reference/tokenizer.py`, by transformers' CLIPTokenizer.
@Suite struct TokenizerTests {
  struct Golden: Decodable {
    struct Row: Decodable {
      var text: String
      var small, builtIn: [Int]
    }
    struct Padded: Decodable {
      var text: String
      var ids: [Int]
    }
    var rows: [Row]
    var padded: [Padded]
  }

  private static let folder = Bundle.module.resourcePath! + "/Golden/tokenizer"
  /// The shipped one, in the sources.
  private static let builtIn = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../Sources/BuiltInModel/model/base").standardized.path

  private func golden() throws -> Golden {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Golden.self, from: Data(contentsOf: URL(fileURLWithPath: "\(Self.folder)/golden.json")))
  }

  @Test func matchesTransformersWithTheBuiltInVocabulary() throws {
    let tokenizer = try CLIPTokenizer(Checkpoint(at: Self.builtIn).tokenizer())
    let rows = try golden().rows
    #expect(rows.count >= 200)
    for row in rows { #expect(tokenizer.tokens(of: row.text) == row.builtIn, "\(row.text.debugDescription)") }
  }

  /// The same vocabulary in both of the forms that folders have.
  @Test(arguments: ["small", "small-json"])
  func matchesTransformersWithASmallVocabulary(folder: String) throws {
    let tokenizer = try CLIPTokenizer(Checkpoint(at: "\(Self.folder)/\(folder)").tokenizer())
    for row in try golden().rows {
      #expect(tokenizer.tokens(of: row.text) == row.small, "\(row.text.debugDescription)")
    }
    for row in try golden().padded { #expect(tokenizer.encode(row.text) == row.ids, "\(row.text.debugDescription)") }
    #expect(tokenizer.length == 12 && tokenizer.padding == 0)
  }

  /// `tokenizer_config.json` as given, or none.
  private func withConfig(_ text: String?, _ body: (TokenizerFiles) throws -> Void) throws {
    let model = FileManager.default.temporaryDirectory.appendingPathComponent("ldm-tokenizer-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: model) }
    try FileManager.default.copyItem(atPath: "\(Self.folder)/small", toPath: model.path)
    let config = model.appendingPathComponent("tokenizer/tokenizer_config.json")
    try FileManager.default.removeItem(at: config)
    if let text { try Data(text.utf8).write(to: config) }
    try body(Checkpoint(at: model.path).tokenizer())
  }

  @Test func lengthAndPaddingHaveDefaults() throws {
    try withConfig(nil) { files in
      let (usual, tokenizer) = (try CLIPTokenizer(files), try CLIPTokenizer(files, length: 5))
      #expect(usual.length == 77)
      #expect(tokenizer.encode("a") == [tokenizer.start, 320, tokenizer.end, tokenizer.end, tokenizer.end])
    }
  }

  /// As files say "any".
  @Test func anEndlessLengthIsNone() throws {
    try withConfig(#"{"model_max_length":1000000000000000019884624838656}"#) { files in
      let tokenizer = try CLIPTokenizer(files)
      #expect(tokenizer.length == 77)
    }
  }

  @Test func aTokenThatTheVocabularyLacksIsNamed() throws {
    try withConfig(#"{"pad_token":"<pad>"}"#) { files in
      #expect {
        _ = try CLIPTokenizer(files)
      } throws: { "\($0)".hasSuffix(": no token <pad> in the vocabulary") }
    }
  }

  @Test(arguments: ["[]", "{", "", #"{"a":"b"}"#])
  func aVocabularyOfAnotherKindIsRefused(text: String) throws {
    try withConfig(nil) { files in
      try Data(text.utf8).write(to: URL(fileURLWithPath: files.vocabulary!))
      #expect(throws: TokenizerError.self) { _ = try CLIPTokenizer(files) }
    }
  }
}
