import Foundation
import LatentDiffusion
import Testing
import Weights

/// `Golden/embeddings` is made by `Tests/Reference/embeddings.py`: what diffusers' pipelines make of prompts with such words.
@Suite struct TextualInversionTests {
  private static let folder = "\(PipelineCase.golden)/embeddings"

  private func inversion(_ file: String, _ word: String? = nil) throws -> TextualInversion {
    try TextualInversion(at: "\(Self.folder)/\(file)", word: word)
  }

  private func model(_ name: String, _ inversions: [TextualInversion]) throws -> Model {
    try Model(
      Checkpoint(at: "\(PipelineCase.golden)/\(name)/model"), inversions: inversions,
      policy: KernelPolicy(precision: .f32))
  }

  private func expected(_ name: String) throws -> Tensor {
    try SafetensorsFile(at: "\(Self.folder)/io.safetensors").tensors[name]!.tensor()
  }

  @Test(arguments: PromptStyle.allCases)
  func equalsDiffusers(style: PromptStyle) throws {
    let model = try model(
      "text", [inversion("ink-wash.pt"), inversion("learned_embeds.bin"), inversion("three.safetensors")])
    let prompts = try JSONDecoder().decode(
      [String].self, from: Data(contentsOf: URL(fileURLWithPath: "\(Self.folder)/prompts.json")))
    for (index, text) in prompts.enumerated() {
      let tokens = try model.encode(Prompt(text, style: style)).tokens
      #expect(try tokens.distance(to: expected("text.\(index)")) < 1e-5, "\(text)")
    }
  }

  @Test func aPairServesBothTowers() throws {
    let encoding = try model("sdxl", [inversion("pair.safetensors")]).encode(Prompt("a red pair, pair"))
    #expect(try encoding.tokens.distance(to: expected("sdxl.tokens")) < 1e-5)
    #expect(try #require(encoding.pooled).distance(to: expected("sdxl.pooled")) < 1e-5)
  }

  /// The same vectors under other words, from a file of older PyTorch's, in other cases and spellings.
  @Test(arguments: ["a wash house", "a WASH house", "a (wash:1.0) house", "a embedding:wash house", "a wash\nhouse"])
  func wordsAreFound(text: String) throws {
    let model = try model("text", [inversion("older.pt", "wash")])
    let tokens = try model.encode(Prompt(text, style: .a1111)).tokens
    #expect(try tokens.distance(to: expected("text.1")) < 1e-5)
  }

  @Test func partsOfWordsAreNot() throws {
    let (with, without) = (try model("text", [inversion("older.pt", "red")]), try model("text", []))
    for text in ["redder", "hundred", "a house"] {
      #expect(try with.encode(text: text).tokens.distance(to: without.encode(text: text).tokens) == 0)
    }
    #expect(try with.encode(text: "red9").tokens.distance(to: without.encode(text: "red9").tokens) > 0.01)
  }

  @Test func vectorsOfAWordStandInOneWindow() throws {
    let model = try model("text", [inversion("three.safetensors")])
    // 14 tokens fit.
    let (twelve, eleven) = (
      "red red red red red red red red red red red red", "red red red red red red red red red red red"
    )
    #expect(try model.encode(Prompt("\(eleven) three", style: .a1111)).tokens.shape == [1, 16, 16])
    let tokens = try model.encode(Prompt("\(twelve) three", style: .a1111)).tokens
    let parts = try [twelve, "three"].map { try model.encode(Prompt($0, style: .a1111)).tokens }
    #expect(tokens.distance(to: Tensor.concatenate(parts, axis: 1)) < 1e-6)
  }

  @Test(arguments: [
    ("text", "wide.safetensors", "its vectors are 32 wide, model's text_encoder reads 16"),
    ("text", "pair.safetensors", "has vectors for two text encoders (SDXL), model has one"),
    ("sdxl", "three.safetensors", "has vectors for one text encoder, model has 2"),
    ("ldm-text", "three.safetensors", "model has no CLIP text encoder"),
    ("upscaler-notext", "three.safetensors", "model has no CLIP text encoder"),
    ("text", "io.safetensors", "holds no textual inversion, only tensors as sdxl.pooled"),
  ])
  func whatDoesNotFitIsNamed(name: String, file: String, words: String) throws {
    #expect { _ = try model(name, [inversion(file)]) } throws: { "\($0)".contains(words) && "\($0)".contains(file) }
  }

  @Test func aNameWithoutExtensionIsTheWord() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("ldm-word-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: file) }
    try FileManager.default.copyItem(atPath: "\(Self.folder)/three.safetensors", toPath: file.path)
    #expect(try TextualInversion(at: file.path).words == [file.lastPathComponent])
    #expect(throws: WeightsError.self) { _ = try TextualInversion(at: file.path, word: "") }
  }

  /// A copy of a model with another file of its tokenizers.
  @Test(arguments: [
    ("text", "tokenizer/added_tokens.json", #"{"<toy>":524}"#, "vocabulary is for 525 tokens, expected at most 524"),
    (
      "ldm-text", "tokenizer/vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n" + (4..<61).map { "w\($0)\n" }.joined(),
      "vocabulary is for 61 tokens, expected at most 60"
    ),
    (
      "sdxl", "tokenizer_2/tokenizer_config.json", #"{"model_max_length":12}"#,
      "tokenizer_2 is for rows of 12 tokens, expected 16"
    ),
  ])
  func aTokenizerThatDoesNotFitIsNamed(name: String, path: String, text: String, words: String) throws {
    let copy = FileManager.default.temporaryDirectory.appendingPathComponent("ldm-tokenizer-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: copy) }
    try FileManager.default.copyItem(atPath: "\(PipelineCase.golden)/\(name)/model", toPath: copy.path)
    try Data(text.utf8).write(to: copy.appendingPathComponent(path))
    #expect { _ = try Model(Checkpoint(at: copy.path)) } throws: { "\($0)".contains(words) }
  }
}
