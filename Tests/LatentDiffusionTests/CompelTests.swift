import Foundation
import LatentDiffusion
import Testing
import Weights

/// `Golden/compel` is made by `Tests/Reference/compel_prompts.py`, with compel itself.
@Suite struct CompelTests {
  private static let folder = "\(PipelineCase.golden)/compel"

  struct Row: Decodable, Sendable, CustomTestStringConvertible {
    struct Part: Decodable, Sendable {
      var texts: [[Piece]]
      var shares: [Double]
      var weight: Double
    }
    struct Piece: Decodable, Sendable {
      var text: String
      var weight: Double

      init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        (text, weight) = (try list.decode(String.self), try list.decode(Double.self))
      }
    }
    var prompt: String
    var parts: [Part]
    var testDescription: String { prompt }

    static let all: [Row] = {
      let path = "\(folder)/parsed.json"
      return try! JSONDecoder().decode([Row].self, from: FileManager.default.contents(atPath: path)!)
    }()
  }

  @Test(arguments: Row.all)
  func partsAndWeights(row: Row) throws {
    let parts = try CompelPrompt(row.prompt).parts
    #expect(parts.map { $0.texts.map { $0.map(\.text) } } == row.parts.map { $0.texts.map { $0.map(\.text) } })
    for (part, expected) in zip(parts, row.parts) {
      let numbers = part.texts.flatMap { $0.map(\.weight) } + part.shares + [part.weight]
      let others = expected.texts.flatMap { $0.map(\.weight) } + expected.shares + [expected.weight]
      #expect(numbers.count == others.count && zip(numbers, others).allSatisfy { abs($0 - $1) < 1e-9 })
    }
  }

  @Test func tokensEqualCompels() throws {
    let texts = try JSONDecoder().decode(
      [String].self, from: Data(contentsOf: URL(fileURLWithPath: "\(Self.folder)/encoded.json")))
    let expected = try SafetensorsFile(at: "\(Self.folder)/io.safetensors").tensors
    let model = try Model(
      Checkpoint(at: "\(PipelineCase.golden)/text/model"), policy: KernelPolicy(precision: .f32))
    for (index, text) in texts.enumerated() {
      let tokens = try model.encode(Prompt(text, style: .compel)).tokens
      let golden = expected["\(index)"]!.tensor()
      #expect(tokens.shape == golden.shape, "\(text)")
      #expect(tokens.distance(to: golden) < 2e-5, "\(text)")
    }
  }

  @Test(arguments: [
    "a cat.swap(dog)", "(a, b).blend(1)", "(a, b).blend(1, -1)", "(a, b).and(1, x)", "(a, b).blend(1, 2) c",
    "((a).swap(b) c)+", #"("a cat.swap(dog)", "c").blend(1, 1)"#, #"(") a.swap(b)", "c").and()"#,
  ])
  func whatIsNotObeyedIsRefused(text: String) {
    #expect(throws: ConditioningError.self) { try CompelPrompt(text) }
  }

  @Test(arguments: ["(", "\"", "(a ", "a+", "(\""])
  func longTextsEndSoon(text: String) throws {
    #expect(try CompelPrompt(String(repeating: text, count: 10_000)).parts.count == 1)
  }

  @Test(
    arguments: [
      ("withLora(ink, 0.5) a cat", [LoRATag("ink", text: 0.5, unet: 0.5)], " a cat"),
      ("a useLora(my-ink_2)", [LoRATag("my-ink_2")], "a "), ("a withLora(x", [], "a withLora(x"),
    ] as [(String, [LoRATag], String)])
  func lorasAreCalled(text: String, tags: [LoRATag], rest: String) throws {
    let prompt = Prompt(text, style: .compel)
    #expect(try prompt.loraTags() == tags && prompt.withoutTags().text == rest)
  }
}
