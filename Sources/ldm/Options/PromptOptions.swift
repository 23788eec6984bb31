import ArgumentParser
import Foundation
import LatentDiffusion

struct PromptOptions: ParsableArguments {
  @Option(
    name: .shortAndLong, parsing: .unconditional,
    help: ArgumentHelp("What the result should show.", valueName: "text"))
  var prompt: String?

  @Option(
    help: ArgumentHelp(
      "Reads the prompt from a file; - is stdin, where no picture comes from there.", valueName: "file"))
  var promptFile: String?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("What the result should not show.", valueName: "text"))
  var negative: String?

  @Option(help: ArgumentHelp("Strength of classifier-free guidance; 1 is none. Default: the model's.", valueName: "x"))
  var guidance: Double?

  @Option(help: ArgumentHelp("Rescales guided predictions, 0 to 1 (arXiv 2305.08891).", valueName: "x"))
  var guidanceRescale: Double = 0

  @Option(
    help: ArgumentHelp(
      """
      What marks in prompts mean: a1111, with (a:1.2), [a], [a:b:0.5], [a|b], BREAK, AND, <lora:a:1>; comfy, with (a:1.2); \
      compel, with (a)1.2, a+, ("a", "b").blend(1, 1); plain, none.
      """,
      valueName: "name"),
    completion: .list(PromptStyle.allCases.map(\.rawValue)))
  var promptStyle: String = "a1111"

  @Option(
    help: ArgumentHelp("Layer of the text encoder, from the last, which is 1. Default: the model's.", valueName: "n"))
  var clipSkip: Int?

  func validate() throws {
    _ = try choice(promptStyle, "--prompt-style", PromptStyle.allCases.map(\.rawValue))
    guard clipSkip.map({ $0 >= 1 }) ?? true else { throw ValidationError("--clip-skip must be 1 or more") }
    guard prompt == nil || promptFile == nil else { throw ValidationError("give --prompt or --prompt-file, not both") }
    guard guidance.map({ $0.isFinite }) ?? true else { throw ValidationError("--guidance must be a finite number") }
    guard (0...1).contains(guidanceRescale) else { throw ValidationError("--guidance-rescale must be from 0 to 1") }
  }

  /// The prompt's text; empty where none is given.
  ///
  /// - Parameter stdinIsTaken: a picture is read from there.
  func text(stdinIsTaken: Bool) throws -> String {
    if let prompt { return Arguments.words(prompt) }
    guard let promptFile else { return "" }
    let source = Source(promptFile)
    guard source != .standardInput || !stdinIsTaken else {
      throw Failure(.usage, "stdin cannot be both a picture and the prompt; name a file for one of them")
    }
    return try Self.texts(of: source).map(\.text).joined(separator: " ")
  }

  /// The texts that a file holds, without empty ones, and their numbers from 1.
  ///
  /// - Parameter separator: what ends each; nil: lines.
  static func texts(of source: Source, separatedBy separator: Character? = nil) throws -> [(number: Int, text: String)]
  {
    do {
      let all = String(decoding: try Streams.read(source, limit: 16 << 20), as: UTF8.self)
      let parts = all.split(omittingEmptySubsequences: false) { character in
        separator.map { $0 == character } ?? character.isNewline
      }
      return parts.enumerated().filter { !$1.allSatisfy(\.isWhitespace) }.map { ($0 + 1, String($1)) }
    } catch let failure as Failure {
      throw Failure(failure.status, "\(source): \(failure.message ?? "")")
    }
  }

  /// Sets how the request's texts are read.
  func apply(to request: inout Request) {
    request.negativePrompt = negativeText
    request.promptStyle = style
    request.clipSkip = clipSkip
  }

  var style: PromptStyle { PromptStyle(rawValue: promptStyle)! }
  var negativeText: String { negative.map(Arguments.words) ?? "" }
}
