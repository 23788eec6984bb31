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

  /// A copy of a tokenizer's folder, some of its files as given, or none.
  private func changed(
    _ files: [String: String?], of folder: String = "tokenizer/small/tokenizer", _ body: (TokenizerFiles) throws -> Void
  ) throws {
    let model = FileManager.default.temporaryDirectory.appendingPathComponent("ldm-tokenizer-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: model) }
    try FileManager.default.copyItem(atPath: "\(Self.folder)/small", toPath: model.path)
    let copy = model.appendingPathComponent("tokenizer")
    try FileManager.default.removeItem(at: copy)
    try FileManager.default.copyItem(atPath: "\(Self.folder)/../\(folder)", toPath: copy.path)
    for (name, text) in files {
      let file = copy.appendingPathComponent(name)
      try? FileManager.default.removeItem(at: file)
      if let text { try Data(text.utf8).write(to: file) }
    }
    try body(Checkpoint(at: model.path).tokenizer())
  }

  private func withConfig(_ text: String?, _ body: (TokenizerFiles) throws -> Void) throws {
    try changed(["tokenizer_config.json": text], body)
  }

  private func contents(_ path: String) throws -> String {
    try String(contentsOfFile: "\(Self.folder)/../\(path)", encoding: .utf8)
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

  @Test(arguments: ["[]", "{", "", #"{"a":"b"}"#, #"{"a":-1,"<|startoftext|>":0,"<|endoftext|>":1}"#])
  func aVocabularyOfAnotherKindIsRefused(text: String) throws {
    try withConfig(nil) { files in
      try Data(text.utf8).write(to: URL(fileURLWithPath: files.vocabulary!))
      #expect(throws: TokenizerError.self) { _ = try CLIPTokenizer(files) }
    }
  }

  /// Its text would stand everywhere.
  @Test func anEmptySpecialTokenIsRefused() throws {
    let files: [String: String?] = [
      "vocab.json": #"{"":0,"<|startoftext|>":1,"<|endoftext|>":2}"#, "tokenizer_config.json": #"{"pad_token":""}"#,
    ]
    try changed(files) { files in #expect(throws: TokenizerError.self) { _ = try CLIPTokenizer(files) } }
  }

  /// Count and hash are those of transformers' ids.
  @Test func longWordsEqualTransformers() throws {
    let letters = (0..<100_000).map { Unicode.Scalar(UInt8(97 + $0 * $0 / 7 % 26)) }
    let ids = try CLIPTokenizer(Checkpoint(at: Self.builtIn).tokenizer()).tokens(
      of: String(String.UnicodeScalarView(letters)))
    #expect(ids.count == 78_021 && ids.reduce(0) { ($0 * 31 + $1) % 1_000_003 } == 254_042)
  }

  @Test func linesMayEndAsWindowsEndsThem() throws {
    let merges = try contents("tokenizer/small/tokenizer/merges.txt").replacing("\n", with: "\r\n")
    try changed(["merges.txt": merges]) { files in
      let tokenizer = try CLIPTokenizer(files)
      for row in try golden().rows { #expect(tokenizer.tokens(of: row.text) == row.small) }
    }
    let words = try contents("families/wordpiece/vocab.txt").replacing("\n", with: "\r\n")
    try changed(["vocab.txt": words], of: "families/wordpiece") { files in
      let tokenizer = try BERTTokenizer(files)
      #expect(tokenizer.tokens(of: "a red apple") == [5, 6, 7] && tokenizer.size == 38)
    }
  }

  @Test(arguments: ["", "#version: 0.2\n", "ab\ncd\n"])
  func mergesThatAreNoneAreRefused(text: String) throws {
    try changed(["merges.txt": text]) { files in
      #expect { _ = try CLIPTokenizer(files) } throws: { "\($0)".contains("merges.txt: holds no merges") }
    }
  }

  /// In each of the files that may list them; ids are transformers'.
  @Test(arguments: ["added_tokens.json", "tokenizer_config.json", "tokenizer.json"])
  func addedTokensStandWhereverTheirTextDoes(name: String) throws {
    let folder = "tokenizer/\(name == "tokenizer.json" ? "small-json" : "small")/tokenizer"
    var files: [String: String?] = ["added_tokens.json": #"{"<Cat-Toy>":533,"Style":534}"#]
    if name == "tokenizer_config.json" {
      let list = #"{"533":{"content":"<Cat-Toy>"},"534":{"content":"Style","normalized":true}}"#
      // Its list is the only one.
      files = [name: #"{"pad_token":"!","added_tokens_decoder":\#(list)}"#, "added_tokens.json": #"{"red":535}"#]
    } else if name == "tokenizer.json" {
      let list = #"{"id":533,"content":"<Cat-Toy>"},{"id":534,"content":"Style"}"#
      let mark = #""added_tokens": ["#
      files = [name: try contents("\(folder)/\(name)").replacing(mark, with: "\(mark)\(list),")]
    }
    try changed(files, of: folder) { files in
      let tokenizer = try CLIPTokenizer(files)
      #expect(tokenizer.size == 535)
      for (text, ids) in [
        ("a <cat-toy> red", [320, 533, 517]), ("x<CAT-TOY>y", [343, 533, 344]), ("Style red", [534, 517]),
        ("restyled", [81, 324, 534, 323]), ("red <cat-toy>,house", [517, 533, 267, 521]), ("wow!", [86, 78, 342, 0]),
      ] { #expect(tokenizer.tokens(of: text) == ids, "\(text)") }
    }
  }

  @Test func addedTokensMayBeExactOrWhole() throws {
    let list = #"{"533":{"content":"<cat-toy>","normalized":false},"534":{"content":"Style","single_word":true}}"#
    try withConfig(#"{"pad_token":"!","added_tokens_decoder":\#(list)}"#) { files in
      let tokenizer = try CLIPTokenizer(files)
      #expect(tokenizer.tokens(of: "red <cat-toy>,house") == [517, 533, 267, 521])
      #expect(tokenizer.tokens(of: "x<CAT-TOY>y") == [343, 283, 66, 64, 339, 268, 83, 78, 344, 285, 344])
      #expect(tokenizer.tokens(of: "style red") == [534, 517])
      #expect(tokenizer.tokens(of: "restyled") == [516, 82, 83, 88, 75, 68, 323])
    }
  }

  @Test(arguments: [
    ("added_tokens.json", "[1]"), ("added_tokens.json", #"{"a":-1}"#), ("tokenizer.json", #"{"added_tokens":[{}]}"#),
    ("tokenizer_config.json", #"{"added_tokens_decoder":{"x":{"content":"a"}}}"#),
  ])
  func otherListsOfAddedTokensAreRefused(name: String, text: String) throws {
    try changed([name: text]) { files in #expect(throws: ConfigError.self) { _ = try CLIPTokenizer(files) } }
  }

  /// Ids are those of transformers' BertTokenizer, for a configuration each.
  @Test(
    arguments: [
      (
        "{}",
        [
          ("red\u{0B}apple", [1]), ("red\u{85}apple", [1]), ("red\r\napple", [6, 7]), ("a\u{378} red", [1, 6]),
          ("red [MASK] apple", [6, 4, 7]), ("red[SEP]apple [CLS][PAD] [UNK]", [6, 3, 7, 2, 0, 1]),
          ("[mask] [Mask]", [1, 1, 1, 1, 1, 1]), ("CAFE\u{301} \u{65e5}\u{672c}", [15, 25, 26]),
        ]
      ),
      (#"{"strip_accents":false}"#, [("CAFE\u{301} \u{65e5}\u{672c}", [1, 25, 26])]),
      (#"{"tokenize_chinese_chars":false}"#, [("CAFE\u{301} \u{65e5}\u{672c}", [15, 1])]),
      (#"{"do_lower_case":false}"#, [("red Red caf\u{e9}", [6, 1, 1])]),
      (#"{"do_lower_case":false,"strip_accents":true}"#, [("red Red caf\u{e9}", [6, 1, 15])]),
    ] as [(String, [(String, [Int])])])
  func wordPiecesAreThoseOfTransformers(config: String, rows: [(String, [Int])]) throws {
    try changed(["tokenizer_config.json": config], of: "families/wordpiece") { files in
      let tokenizer = try BERTTokenizer(files)
      for (text, ids) in rows { #expect(tokenizer.tokens(of: text) == ids, "\(text.debugDescription)") }
    }
  }

  @Test(arguments: [
    ("vocab_size", "0"), ("max_position_embeddings", "2"), ("max_position_embeddings", "-1"), ("encoder_layers", "-1"),
    ("head_dim", "4611686018427387904"),
  ])
  func aTowerWithoutRoomForATextIsRefused(key: String, value: String) throws {
    let config = try Config(Data("{\"\(key)\":\(value)}".utf8), path: "config.json")
    func isNamed(_ error: any Error) -> Bool { "\(error)".hasPrefix("config.json: \(key) is") }
    #expect { _ = try LDMBertConfig(config) } throws: { isNamed($0) }
    guard !["encoder_layers", "head_dim"].contains(key) else { return }
    #expect { _ = try CLIPTextConfig(config) } throws: { isNamed($0) }
  }
}
