import Diffusion
import Foundation
import Layers
import Models
import Testing
import Weights

@Suite struct PromptTests {
  /// The first seven rows are the examples that AUTOMATIC1111's parser documents; numbers are its own.
  @Test(
    arguments: [
      ("normal text", [("normal text", 1)]),
      ("an (important) word", [("an ", 1), ("important", 1.1), (" word", 1)]),
      ("(unbalanced", [("unbalanced", 1.1)]),
      ("\\(literal\\]", [("(literal]", 1)]),
      ("(unnecessary)(parens)", [("unnecessaryparens", 1.1)]),
      (
        "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
        [
          ("a ", 1), ("house", 1.573), (" ", 1.1), ("on", 1), (" a ", 1.1), ("hill", 0.55), (", sun, ", 1.1),
          ("sky", 1.4641), (".", 1.1),
        ]
      ),
      ("", [("", 1)]),
      ("[a] [[b]]", [("a", 1 / 1.1), (" ", 1), ("b", 1 / 1.21)]),
      ("at 12:30) now", [("at 12:30) now", 1)]),
      ("(a: 1.2 )b", [("a", 1.2), ("b", 1)]),
      ("(a:b:0.5)", [("a:b", 0.5)]),
      ("(a [b) c]", [("a ", 1.1), ("b", 1), (" c", 1 / 1.1)]),
      ("hatsune\\_miku\\", [("hatsune_miku", 1)]),
    ] as [(String, [(String, Double)])])
  func a1111Weights(text: String, expected: [(String, Double)]) throws { try check(text, .a1111, expected) }

  @Test(
    arguments: [
      ("an (important) word", [("an ", 1), ("important", 1.1), (" word", 1)]),
      ("[a] BREAK b", [("[a] BREAK b", 1)]),
      ("((a:1.5) b:1.2)", [("a", 1.5), (" b", 1.2)]),
      ("((a) b:1.2)", [("a", 1.32), (" b", 1.2)]),
      ("a (b (c) d", [("a (b (c) d", 1)]),
      ("\\(a\\) \\[ \\_", [("(a) \\[ \\_", 1)]),
    ] as [(String, [(String, Double)])])
  func comfyWeights(text: String, expected: [(String, Double)]) throws { try check(text, .comfy, expected) }

  private func check(_ text: String, _ style: PromptStyle, _ expected: [(String, Double)]) throws {
    let pieces = Prompt(text, style: style).pieces()
    #expect(pieces.map(\.text) == expected.map(\.0))
    for (piece, expected) in zip(pieces, expected) { #expect(abs(piece.weight - expected.1) < 1e-12) }
  }

  @Test func breakStandsAlone() throws {
    let pieces = Prompt("(a BREAK b:1.2) BREAKFAST", style: .a1111).pieces()
    #expect(pieces.map(\.isBreak) == [false, true, false, false])
    #expect(pieces.map(\.weight)[2] == 1.2 && pieces[3].text == " BREAKFAST")
    #expect(Prompt("a cat.BREAK a dog", style: .a1111).pieces().map(\.text) == ["a cat.", "", "a dog"])
  }

  @Test func longTextsEndSoon() {
    let text = String(repeating: ":", count: 100_000)
    #expect(Prompt(text, style: .a1111).pieces() == [PromptPiece(text)])
  }
}

/// On the built-in model's tower: windows of 32 tokens.
@Suite struct PromptWindowTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../Sources/BuiltInModel/model/base").standardized.path

  private func tokenizer() throws -> CLIPTokenizer { try CLIPTokenizer(Checkpoint(at: Self.folder).tokenizer()) }

  private func tower(_ layer: CLIPTower.Layer = .last) throws -> CLIPTower {
    let checkpoint = try Checkpoint(at: Self.folder)
    let weights = Parameters(try checkpoint.weights("text_encoder"))
    let network = try CLIPTextModel(weights, config: CLIPTextConfig(checkpoint.config("text_encoder")))
    return CLIPTower(try tokenizer(), network, layer)
  }

  /// `count` words of one token each, between commas where `commas` says.
  private func words(_ count: Int, commas: Set<Int> = []) -> String {
    (0..<count).map { "red" + (commas.contains($0) ? "," : "") }.joined(separator: " ")
  }

  @Test(arguments: PromptStyle.allCases)
  func ordinaryTextIsReadAlike(style: PromptStyle) throws {
    let tokenizer = try tokenizer()
    let text = "photo of a red apple on a table, at night"
    let windows = tokenizer.windows(of: Prompt(text, style: style))
    #expect(windows.map(\.ids) == [tokenizer.encode(text)])
    #expect(windows.allSatisfy { !$0.isWeighted })
  }

  @Test func longTextsTakeMoreWindows() throws {
    let tokenizer = try tokenizer()
    let red = tokenizer.tokens(of: "red")
    #expect(red.count == 1)
    for (count, windows) in [(0, 1), (30, 1), (31, 2), (60, 2), (61, 3)] {
      let made = tokenizer.windows(of: Prompt(words(count), style: .a1111))
      #expect(made.count == windows)
      #expect(made.allSatisfy { $0.ids.count == 32 && $0.ids[0] == tokenizer.start && $0.ids[31] == tokenizer.end })
      #expect(made.flatMap(\.ids).filter { $0 == red[0] }.count == count)
    }
    #expect(tokenizer.windows(of: Prompt(words(31), style: .plain)).count == 1)
  }

  /// 30 tokens fit: the words after the last comma move to the next window, unless the comma is more than 20 tokens back.
  @Test(arguments: [(19, 21), (8, 30)])
  func windowsEndAtACommaThatIsNear(comma: Int, first: Int) throws {
    let tokenizer = try tokenizer()
    let windows = tokenizer.windows(of: Prompt(words(35, commas: [comma]), style: .a1111))
    #expect(windows.count == 2)
    #expect(windows[0].ids[1...].prefix { $0 != tokenizer.end }.count == first)
  }

  @Test func comfyKeepsWordsWhole() throws {
    let tokenizer = try tokenizer()
    let word = "unbelievably"
    let length = tokenizer.tokens(of: word).count
    try #require((2..<8).contains(length))
    let windows = tokenizer.windows(of: Prompt("\(words(29)) \(word)", style: .comfy))
    #expect(windows.count == 2)
    #expect(Array(windows[1].ids[1...length]) == tokenizer.tokens(of: word))
    #expect(tokenizer.windows(of: Prompt("\(words(29)) \(word)", style: .a1111))[0].ids[30] != tokenizer.end)
  }

  @Test func breakBeginsAWindow() throws {
    let windows = try tokenizer().windows(of: Prompt("a red BREAK (apple:1.5)", style: .a1111))
    #expect(windows.count == 2)
    #expect(windows[1].weights[1] == 1.5 && windows[1].weights[0] == 1 && !windows[0].isWeighted)
  }

  @Test func weightsReachTheTokensAsEachStyleSays() throws {
    let tower = try tower()
    let plain = try tower.encode(Prompt("a red apple")).tokens
    let a1111 = try tower.encode(Prompt("a (red:1.5) apple", style: .a1111)).tokens
    let comfy = try tower.encode(Prompt("a (red:1.5) apple", style: .comfy)).tokens
    let empty = try tower.encode(Prompt("")).tokens
    let (red, other) = (2..<3, 3..<4)
    func token(_ tokens: Tensor, _ place: Range<Int>) -> Tensor { tokens.slice(axis: 1, place) }
    let moved = token(empty, red) + 1.5 * (token(plain, red) - token(empty, red))
    #expect(token(comfy, red).distance(to: moved) < 1e-6)
    #expect(token(comfy, other).distance(to: token(plain, other)) == 0)
    #expect(abs(a1111.mean - plain.mean) < 1e-5)
    let ratio = token(a1111, other)[flat: 0] / token(plain, other)[flat: 0]
    #expect(token(a1111, red).distance(to: 1.5 * ratio * token(plain, red)) < 1e-5)
  }

  @Test func clipSkipCountsFromTheLastLayer() throws {
    let tower = try tower()
    let output = tower.network([tower.tokenizer.encode("a red apple")])
    func tokens(_ skip: Int?) throws -> Tensor { try tower.encode(Prompt("a red apple", clipSkip: skip)).tokens }
    #expect(try tokens(1).distance(to: tokens(nil)) == 0)
    let second = tower.network.normalized(output.hidden[output.hidden.count - 2])
    #expect(try tokens(2).distance(to: second) == 0)
    #expect(throws: ConditioningError.self) { try tokens(output.hidden.count) }
    #expect(throws: ConditioningError.self) { try tokens(0) }
  }
}
