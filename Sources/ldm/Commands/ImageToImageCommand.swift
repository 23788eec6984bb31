import ArgumentParser
import LatentDiffusion

struct ImageToImageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "img2img", abstract: "Re-imagines a picture under a prompt.",
    discussion: "ldm img2img -p \"an oil painting\" --strength 0.5 < photo.jpg > out.jpg")

  @OptionGroup var input: InputOptions
  @OptionGroup(title: "Prompt") var prompt: PromptOptions
  @OptionGroup(title: "Sampling") var strength: StrengthOptions
  @OptionGroup(title: "Sampling") var sampling: SamplingOptions
  @OptionGroup(title: "Model") var depth: DepthOptions
  @OptionGroup(title: "Sampling") var work: WorkOptions
  @OptionGroup(title: "Model") var model: ModelOptions
  @OptionGroup(title: "Model") var jobs: JobOptions
  @OptionGroup(title: "Model") var plugins: PluginOption
  @OptionGroup(title: "Output") var size: SizeOption
  @OptionGroup(title: "Output") var output: OutputOptions
  @OptionGroup(title: "Telling") var telling: TellingOptions
  @OptionGroup(title: "Telling") var preview: PreviewOptions

  func run() throws {
    let sources = try input.sources()
    let text = try prompt.text(stdinIsTaken: input.readsStandardInput)
    let depthMap = try depth.map(maximumPixels: input.maxPixels)
    let conditioners = try plugins.conditioners()
    let workshop = try Workshop(
      model: model, sampling: sampling, jobs: jobs, output: output, telling: telling, preview: preview,
      inputs: sources.count)
    try workshop.rework(sources, maximumPixels: input.maxPixels) { image, _ in
      let size = try size.value() ?? image.size
      let picture = image.withoutHiddenColours().resized(height: size.height, width: size.width)
      var request = Request(size: size)
      request.depth = depthMap
      request.prompt = text
      prompt.apply(to: &request)
      var job = Job(.imageToImage, request)
      job.picture = picture
      job.conditioners = conditioners
      job.sampling = try sampling.values()
      job.sampling.apply(prompt)
      strength.apply(to: &job, default: 0.75)
      try work.apply(to: &job)
      return Draft(job: job, carrying: image)
    }
  }
}
