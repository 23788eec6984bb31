import ArgumentParser
import LatentDiffusion

struct UpscaleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "upscale", abstract: "Enlarges pictures by super-resolution.",
    discussion: "ldm upscale < photo.jpg > big.jpg\nldm upscale --factor 2 -d big/ *.jpg")

  @OptionGroup var input: InputOptions

  @Option(help: ArgumentHelp("How much larger, 1 to 16. Default: the model's (4).", valueName: "x"))
  var factor: Double?

  @Option(
    help: ArgumentHelp("Noise on the input, 0 (clean) up to the model's highest: more takes more away.", valueName: "n")
  )
  var noiseLevel: Int?

  @Flag(
    inversion: .prefixedNo,
    help: "Whether what is added has nowhere more contrast than the picture's own finest detail. Default: the model's.")
  var matchDetail: Bool?

  @OptionGroup(title: "Prompt") var prompt: PromptOptions
  @OptionGroup(title: "Sampling") var sampling: SamplingOptions
  @OptionGroup(title: "Sampling") var work: WorkOptions
  @OptionGroup(title: "Model") var model: ModelOptions
  @OptionGroup(title: "Model") var jobs: JobOptions
  @OptionGroup(title: "Model") var plugins: PluginOption
  @OptionGroup(title: "Output") var size: SizeOption
  @OptionGroup(title: "Output") var output: OutputOptions
  @OptionGroup(title: "Telling") var telling: TellingOptions
  @OptionGroup(title: "Telling") var preview: PreviewOptions

  func validate() throws {
    guard factor.map({ (1...16).contains($0) }) ?? true else { throw ValidationError("--factor must be from 1 to 16") }
    guard factor == nil || size.size == nil else { throw ValidationError("give --factor or --size, not both") }
    guard noiseLevel.map({ $0 >= 0 }) ?? true else { throw ValidationError("--noise-level must not be negative") }
  }

  func run() throws {
    let sources = try input.sources()
    let text = try prompt.text(stdinIsTaken: input.readsStandardInput)
    let conditioners = try plugins.conditioners()
    let workshop = try Workshop(
      model: model, sampling: sampling, jobs: jobs, output: output, telling: telling, preview: preview,
      inputs: sources.count)
    try workshop.rework(sources, maximumPixels: input.maxPixels) { image, _ in
      let size = try wanted(image, workshop, Prompt(text, style: prompt.style))
      guard size.height * size.width <= input.maxPixels else {
        throw ImageError.tooLarge(width: size.width, height: size.height, limit: input.maxPixels)
      }
      var request = Request(size: size)
      request.noiseLevel = noiseLevel
      request.matchesDetail = matchDetail
      request.prompt = text
      prompt.apply(to: &request)
      var job = Job(.upscale, request)
      job.picture = image.withoutHiddenColours()
      job.conditioners = conditioners
      job.sampling = try sampling.values()
      job.sampling.apply(prompt)
      try work.apply(to: &job)
      return Draft(job: job, carrying: image)
    }
  }

  private func wanted(_ image: Image, _ workshop: Workshop, _ prompt: Prompt) throws -> Size {
    if let size = try size.value() { return size }
    let factor = try factor ?? Double(workshop.engine.facts(for: .upscale, prompt: prompt).latentFactor)
    func scaled(_ length: Int) -> Int { max(Int((Double(length) * factor).rounded()), 1) }
    return Size(height: scaled(image.height), width: scaled(image.width))
  }
}
