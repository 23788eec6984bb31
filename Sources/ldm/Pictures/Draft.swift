import LatentDiffusion

/// A picture to make, short of its seed: the job, and what is carried around it from the input to the result.
struct Draft {
  var job: Job
  /// Opacity of the input, `[1, 1, H, W]`.
  var alpha: Tensor?
  var depth = 8
  var metadata = ImageMetadata()

  init(job: Job) { self.job = job }

  /// With what `image` brings along.
  init(job: Job, carrying image: Image) {
    self.job = job
    alpha = image.alphaTensor()
    depth = image.depth
    metadata = image.metadata
  }

  /// The input's opacity at the result's size.
  func alpha(for picture: Image) -> Tensor? {
    guard let alpha, alpha.shape[2...] != [picture.height, picture.width] else { return alpha }
    return alpha.resized(height: picture.height, width: picture.width, .bicubicAntialiased).clamped(to: 0...1)
  }

  /// How the picture was made. What a text-to-image result already said of itself stays above it.
  func provenance(_ plan: Plan, seed: UInt64, size: Size) -> Provenance {
    let earlier = Provenance.parameters(in: metadata)
    var settings: [(name: String, value: String)] = [
      ("Steps", "\(plan.steps)"), ("Sampler", plan.sampler), ("CFG scale", Self.short(plan.guidance)),
      ("Seed", "\(seed)"),
      ("Size", "\(size.width)x\(size.height)"), ("Model", plan.model),
    ]
    if let schedule = job.sampling.schedule { settings.append(("Schedule type", schedule)) }
    switch job.task {
    case .textToImage: break
    case .imageToImage, .inpaint: settings.append(("Denoising strength", Self.short(job.request.strength)))
    case .upscale: settings.append(("Noise level", "\(plan.noiseLevel ?? 0)"))
    }
    settings.append(("Task", job.task.rawValue))
    settings.append(("Version", "ldm \(Version.number)"))
    let wasTrained = Provenance.source(in: metadata) == Provenance.DigitalSource.trained.rawValue
    let isNew = job.task == .textToImage || wasTrained && job.task != .inpaint
    let prompt = job.request.prompt.isEmpty ? earlier ?? "" : job.request.prompt
    return Provenance(
      prompt: prompt, negativePrompt: job.request.negativePrompt, settings: settings,
      source: isNew ? .trained : .composite)
  }

  private static func short(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e9 ? "\(Int(value))" : "\(value)"
  }
}
