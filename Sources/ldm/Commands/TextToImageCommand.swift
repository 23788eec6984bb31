import ArgumentParser
import Foundation
import LatentDiffusion

struct TextToImageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "txt2img", abstract: "Makes a picture from words.",
    discussion: """
      Each operand is a prompt and gives a picture; without one, each line of stdin is a prompt. The built-in model knows \
      captions that begin with "emoji of", "clip art of", "icon of", "cartoon of" or "photo of"; a prompt that begins with \
      none of them gets the first. Emoji come in other styles too: \
      "emoji of red apple, 3d style", or flat, outlined, bright, simple.
      """)

  @Argument(help: ArgumentHelp("What to show; each operand is one picture.", valueName: "prompt"))
  var prompts: [String] = []

  @OptionGroup(title: "Prompt") var prompt: PromptOptions

  @Flag(
    name: [.customShort("0"), .customLong("null")], help: "Prompts of stdin and --prompt-file end in a zero byte each.")
  var isNullTerminated = false

  @Flag(
    help: ArgumentHelp(
      """
      Prompts of stdin and --prompt-file are lines of JSON, each with settings of its own, called as the options are: \
      {"prompt": "icon of a bell", "seed": 5, "steps": 20, "size": "128x128"}.
      """))
  var jsonLines = false

  @OptionGroup(title: "Sampling") var sampling: SamplingOptions
  @OptionGroup(title: "Model") var depth: DepthOptions
  @OptionGroup(title: "Model") var model: ModelOptions
  @OptionGroup(title: "Model") var jobs: JobOptions
  @OptionGroup(title: "Model") var plugins: PluginOption
  @OptionGroup(title: "Output") var size: SizeOption
  @OptionGroup(title: "Output") var output: OutputOptions
  @OptionGroup(title: "Telling") var telling: TellingOptions
  @OptionGroup(title: "Telling") var preview: PreviewOptions

  func validate() throws {
    guard !isNullTerminated || !jsonLines else { throw ValidationError("give --null or --json-lines, not both") }
    guard !(isNullTerminated || jsonLines) || prompt.promptFile != nil || prompts.isEmpty && prompt.prompt == nil else {
      throw ValidationError(
        "--null and --json-lines are of prompts from stdin or --prompt-file, and an operand is a prompt itself")
    }
  }

  func run() throws {
    let wishes = try wishes()
    let depthMap = try depth.map(maximumPixels: 256 << 20)
    let conditioners = try plugins.conditioners()
    let workshop = try Workshop(
      model: model, sampling: sampling, jobs: jobs, output: output, telling: telling, preview: preview,
      inputs: wishes.count)
    try workshop.draw(wishes, name: Self.fileName) { wish in
      var request = Request(size: Size(height: 0, width: 0))
      request.prompt = wish.prompt
      request.depth = depthMap
      wish.options.prompt.apply(to: &request)
      let native = try workshop.engine.facts(for: .textToImage, prompt: request.positive).nativeSize
      request.size = try wish.options.size.value() ?? Size(height: native, width: native)
      var job = Job(.textToImage, request)
      job.conditioners = conditioners
      job.sampling = try wish.options.sampling.values()
      job.sampling.apply(wish.options.prompt)
      return Draft(job: job)
    }
  }

  private func wishes() throws -> [Wish] {
    let words = (prompts + [prompt.prompt].compactMap { $0 }).map { Wish(Arguments.words($0), self) }
    if let file = prompt.promptFile {
      let all = try words + wishes(from: Source(file))
      guard !all.isEmpty else { throw Failure(.noInput, "the prompt file holds no prompt") }
      return all
    }
    guard words.isEmpty else { return words }
    guard isatty(STDIN_FILENO) == 0 else {
      throw Failure(.usage, "no prompt: give one as an operand, or one a line on standard input; see --help")
    }
    let lines = try wishes(from: .standardInput)
    guard !lines.isEmpty else { throw Failure(.noInput, "standard input holds no prompt") }
    return lines
  }

  private func wishes(from source: Source) throws -> [Wish] {
    let texts = try PromptOptions.texts(of: source, separatedBy: isNullTerminated ? "\0" : nil)
    guard jsonLines else { return texts.map { Wish($0.text, self) } }
    // What stands on the command line holds for every line that does not say otherwise.
    let arguments = Array(Arguments.ofProcess().drop { $0 != "txt2img" }.dropFirst())
    return try texts.map { number, text in
      do {
        return try Wish(json: text, arguments)
      } catch let failure as Failure {
        throw Failure(failure.status, "\(source): line \(number): \(failure.message ?? "")")
      }
    }
  }

  /// "An apple, red" → "an-apple-red".
  private static func fileName(_ prompt: String) -> FileName {
    let words = prompt.lowercased().split { !$0.isLetter && !$0.isNumber }
    let name = words.joined(separator: "-").utf8.prefix(80)
    // A cut may not leave half a letter.
    let whole = String(decoding: name, as: UTF8.self).filter { $0 != "\u{fffd}" }
    return FileName(bytes: Array((whole.isEmpty ? "picture" : whole).utf8) + Array(".".utf8))
  }
}

extension Sampling {
  mutating func apply(_ prompt: PromptOptions) {
    guidance = prompt.guidance
    guidanceRescale = prompt.guidanceRescale
  }
}
