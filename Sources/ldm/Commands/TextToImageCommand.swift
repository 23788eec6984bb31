import ArgumentParser
import Foundation
import LatentDiffusion

struct TextToImageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "txt2img", abstract: "Makes a picture from words.",
    discussion: """
      Each operand is a prompt and gives a picture; without one, each line of stdin is a prompt. The built-in model knows \
      captions that begin with "clip art of", "emoji of", "icon of", "cartoon of" or "photo of"; a prompt that begins with \
      none of them gets the first.
      """)

  @Argument(help: ArgumentHelp("What to show; each operand is one picture.", valueName: "prompt"))
  var prompts: [String] = []

  @OptionGroup(title: "Prompt") var prompt: PromptOptions
  @OptionGroup(title: "Sampling") var sampling: SamplingOptions
  @OptionGroup(title: "Model") var depth: DepthOptions
  @OptionGroup(title: "Model") var model: ModelOptions
  @OptionGroup(title: "Model") var jobs: JobOptions
  @OptionGroup(title: "Model") var plugins: PluginOption
  @OptionGroup(title: "Output") var size: SizeOption
  @OptionGroup(title: "Output") var output: OutputOptions
  @OptionGroup(title: "Telling") var telling: TellingOptions

  func run() throws {
    let prompts = try texts()
    let depthMap = try depth.map(maximumPixels: 256 << 20)
    let conditioners = try plugins.conditioners()
    let workshop = try Workshop(
      model: model, sampling: sampling, jobs: jobs, output: output, telling: telling, inputs: prompts.count)
    try workshop.draw(prompts, name: Self.fileName) { text in
      var request = Request(size: Size(height: 0, width: 0))
      request.prompt = text
      request.depth = depthMap
      prompt.apply(to: &request)
      let native = try workshop.engine.facts(for: .textToImage, prompt: request.positive).nativeSize
      request.size = try size.value() ?? Size(height: native, width: native)
      var job = Job(.textToImage, request)
      job.conditioners = conditioners
      job.sampling = try sampling.values()
      job.sampling.apply(prompt)
      return Draft(job: job)
    }
  }

  private func texts() throws -> [String] {
    var result = prompts.map(Arguments.words) + [prompt.prompt].compactMap { $0 }.map(Arguments.words)
    if prompt.promptFile != nil { result += try prompt.lines(stdinIsTaken: false) }
    if !result.isEmpty || prompt.promptFile != nil {
      guard !result.isEmpty else { throw Failure(.noInput, "the prompt file holds no prompt") }
      return result
    }
    guard isatty(STDIN_FILENO) == 0 else {
      throw Failure(.usage, "no prompt: give one as an operand, or one a line on standard input; see --help")
    }
    let lines = try PromptOptions.lines(of: .standardInput)
    guard !lines.isEmpty else { throw Failure(.noInput, "standard input holds no prompt") }
    return lines
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
