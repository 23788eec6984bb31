import ArgumentParser
import LatentDiffusion

struct InpaintCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inpaint", abstract: "Repaints where a mask is white, and keeps every other pixel.",
    discussion: "ldm inpaint --mask mask.png -p \"grass\" -o out.png photo.jpg")

  @OptionGroup var input: InputOptions
  @OptionGroup(title: "Mask") var mask: MaskOptions
  @OptionGroup(title: "Prompt") var prompt: PromptOptions
  @OptionGroup(title: "Sampling") var strength: StrengthOptions
  @OptionGroup(title: "Sampling") var sampling: SamplingOptions
  @OptionGroup(title: "Sampling") var work: WorkOptions
  @OptionGroup(title: "Model") var model: ModelOptions
  @OptionGroup(title: "Model") var jobs: JobOptions
  @OptionGroup(title: "Model") var plugins: PluginOption
  @OptionGroup(title: "Output") var output: OutputOptions
  @OptionGroup(title: "Telling") var telling: TellingOptions
  @OptionGroup(title: "Telling") var preview: PreviewOptions

  func validate() throws {
    guard mask.isGiven || !plugins.isEmpty else {
      throw ValidationError(
        "--mask is missing: name a picture that is white where to repaint, a colour by --mask-from, or a plug-in")
    }
  }

  func run() throws {
    let sources = try input.sources()
    let text = try prompt.text(stdinIsTaken: input.readsStandardInput || mask.readsStandardInput)
    let conditioners = try plugins.conditioners()
    let workshop = try Workshop(
      model: model, sampling: sampling, jobs: jobs, output: output, telling: telling, preview: preview,
      inputs: sources.count)
    let pictures = try mask.pictures(stdinIsTaken: input.readsStandardInput, maximumPixels: input.maxPixels)
    try workshop.rework(sources, maximumPixels: input.maxPixels) { image, source in
      let mask = self.mask.isGiven ? try self.mask.mask(pictures, for: image) : nil
      if let mask { tell(mask, source, workshop.teller) }
      var request = Request(size: image.size)
      request.mask = mask?.tensor
      request.maskMode = self.mask.mode
      request.matchesBorder = self.mask.matchBorder
      request.matchesTexture = self.mask.matchTexture
      request.prompt = text
      prompt.apply(to: &request)
      var job = Job(.inpaint, request)
      job.picture = image
      job.conditioners = conditioners
      job.sampling = try sampling.values()
      job.sampling.apply(prompt)
      strength.apply(to: &job, default: 1)
      try work.apply(to: &job)
      return Draft(job: job, carrying: image)
    }
  }

  private func tell(_ mask: Mask, _ source: Source, _ teller: Teller) {
    let share = 100 * mask.share
    switch share {
    case 0: teller.warn("\(source): the mask repaints nothing; white repaints, see --invert-mask")
    case 95...: teller.warn("\(source): the mask repaints \(Int(share)) % of the picture; see --invert-mask")
    default: teller.note("\(source): repainting \(share < 1 ? "under 1" : "\(Int(share.rounded()))") %")
    }
  }
}
