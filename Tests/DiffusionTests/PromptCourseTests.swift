import Diffusion
import Foundation
import Testing

/// `Golden/prompt-schedules.json`: prompts with the text of each step, as AUTOMATIC1111's published grammar gives them (its own
/// documented examples are among them).
@Suite struct PromptCourseTests {
  struct Row: Decodable, Sendable, CustomTestStringConvertible {
    var prompt: String
    var steps: Int
    var texts: [String]
    var testDescription: String { prompt }

    static let all: [Row] = {
      let path = Bundle.module.resourcePath! + "/Golden/prompt-schedules.json"
      return try! JSONDecoder().decode([Row].self, from: FileManager.default.contents(atPath: path)!)
    }()
  }

  @Test(arguments: Row.all)
  func eachStepHasItsText(row: Row) {
    let prompt = Prompt(row.prompt, style: .a1111)
    #expect(prompt.course(steps: row.steps).map(\.text) == row.texts)
    if Set(row.texts).count > 1 { #expect(prompt.changes) }
    for style in PromptStyle.allCases where style != .a1111 {
      let prompt = Prompt(row.prompt, style: style)
      #expect(!prompt.changes && prompt.course(steps: 3) == [prompt, prompt, prompt])
    }
  }

  /// A point makes a share of it.
  @Test(arguments: [
    ("[a:b:0.5]", 7, 3), ("[a:b:.25]", 20, 5), ("[a:b:12]", 20, 12), ("[a:b:1]", 20, 1), ("[a:b:1.0]", 20, 20),
  ])
  func whenIsAShareOrANumber(text: String, steps: Int, before: Int) {
    let texts = Prompt(text, style: .a1111).course(steps: steps).map(\.text)
    #expect(texts == Array(repeating: "a", count: before) + Array(repeating: "b", count: steps - before))
  }

  @Test(arguments: ["[", "(", "[a:", "[a|", "\\["])
  func longTextsEndSoon(bracket: String) {
    let text = String(repeating: bracket, count: 20_000)
    #expect(Prompt(text, style: .a1111).course(steps: 2).count == 2)
  }

  @Test(
    arguments: [
      ("a cat", [("a cat", 1)]),
      ("a cat AND a dog", [("a cat", 1), ("a dog", 1)]),
      ("a cat :1.2 AND a dog:.5 AND  moon : -2.", [("a cat", 1.2), ("a dog", 0.5), ("moon", -2)]),
      ("a BAND AND (b:1.2)", [("a BAND", 1), ("(b:1.2)", 1)]),
      ("a cat.AND a dog", [("a cat.", 1), ("a dog", 1)]),
      ("at 12:30", [("at 12:30", 1)]),
      ("AND", [("", 1), ("", 1)]),
      ("[a:b:0.5] AND c:+3", [("[a:b:0.5]", 1), ("c", 3)]),
      ("a AND b:1e3", [("a", 1), ("b:1e3", 1)]),
    ] as [(String, [(String, Double)])])
  func andJoinsPrompts(text: String, expected: [(String, Double)]) {
    let parts = Prompt(text, style: .a1111).composed()
    #expect(parts.map(\.prompt.text) == expected.map(\.0) && parts.map(\.weight) == expected.map(\.1))
    #expect(Prompt(text, style: .comfy).composed().map(\.prompt.text) == [text])
  }
}
