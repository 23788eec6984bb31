import LatentDiffusion

/// A picture to make, short of its seed: the job, and what is carried around it from the input to the result.
struct Draft {
  var job: Job
  /// Opacity of the input, `[1, 1, H, W]`.
  var alpha: Tensor?
  var depth = 8
  var metadata = ImageMetadata()
  /// Of the input; nil where there is none.
  var colours: Colours?

  init(job: Job) { self.job = job }

  /// With what `image` brings along.
  init(job: Job, carrying image: Image) {
    self.job = job
    alpha = image.alphaTensor()
    depth = image.depth
    metadata = image.metadata
  }

  /// The input's opacity at the result's size; nil where a plug-in made the canvas another.
  ///
  /// - Parameter repainted: where the result is new: that is there to be seen.
  func alpha(for picture: Image, repainted: Mask?) -> Tensor? {
    guard let alpha else { return nil }
    guard alpha.shape[2...] != [picture.height, picture.width] else {
      return repainted.map { alpha.opaque(where: $0.tensor) } ?? alpha
    }
    guard job.conditioners.isEmpty || job.task == .upscale else { return nil }
    return alpha.resized(height: picture.height, width: picture.width, .bicubicAntialiased).clamped(to: 0...1)
  }

  /// Whether results of this task bear the invisible watermark. What inpaint keeps, it keeps bit for bit.
  var mayBeMarked: Bool { job.task != .inpaint }

  /// How the picture was made. Enlarging a picture that words made leaves the recipe in place.
  ///
  /// - Parameters:
  ///   - loras: that no prompt names; A1111 reads them from the prompt.
  ///   - hashes: of all that changed the model, by which A1111 and model sites find it.
  func provenance(
    _ plan: Plan, seed: UInt64, size: Size, loras: [(name: String, strength: Double)], _ hashes: AdapterHashes
  ) -> Provenance {
    let software = "ldm \(Version.number)"
    var settings: [(name: String, value: String)] = [
      ("Steps", "\(plan.steps)"), ("Sampler", plan.sampler), ("CFG scale", Self.short(plan.guidance)),
      ("Seed", "\(seed)"),
      ("Size", "\(size.width)x\(size.height)"), ("Model", plan.model),
    ]
    if let schedule = job.sampling.schedule { settings.append(("Schedule type", schedule)) }
    settings += job.sampling.shortcuts
    switch job.task {
    case .textToImage: break
    case .imageToImage, .inpaint:
      settings.append(("Denoising strength", Self.short(job.request.strength)))
      if let matches = job.request.matchesBorder { settings.append(("Match border", "\(matches)")) }
      if let matches = job.request.matchesTexture { settings.append(("Match texture", "\(matches)")) }
    case .upscale:
      settings.append(("Noise level", "\(plan.noiseLevel ?? 0)"))
      if let matches = job.request.matchesDetail, !job.request.raw { settings.append(("Match detail", "\(matches)")) }
    }
    settings += hashes.settings
    settings += [("Task", job.task.rawValue), ("Version", software)]
    // A picture that a model made stays one, whatever models do to it; a photograph becomes a composite.
    let isNew = Provenance.source(in: metadata) == Provenance.DigitalSource.trained.rawValue
    let finishes = job.task == .upscale && job.request.prompt.isEmpty
    return Provenance(
      prompt: ([job.request.prompt] + loras.map { "<lora:\($0.name):\(Self.short($0.strength))>" })
        .filter { !$0.isEmpty }.joined(separator: " "),
      negativePrompt: job.request.negativePrompt, settings: settings,
      source: isNew || job.task == .textToImage ? .trained : .composite, software: software, model: plan.model,
      finished: finishes ? Provenance.parameters(in: metadata) : nil)
  }

  private static func short(_ value: Double) -> String {
    value == value.rounded() && abs(value) < 1e9 ? "\(Int(value))" : "\(value)"
  }
}

extension Tensor {
  /// Opacities `[1, 1, H, W]`, raised to `mask`.
  fileprivate func opaque(where mask: Tensor) -> Tensor {
    var result = self
    result.withMutableElements { out in
      mask.withElements { mask in for i in out.indices { out[i] = max(out[i], mask[i]) } }
    }
    return result
  }
}

extension Sampling {
  /// What was left out of the work.
  fileprivate var shortcuts: [(name: String, value: String)] {
    var shortcuts: [(name: String, value: String)] = []
    if let guidanceInterval {
      shortcuts.append(("Guidance interval", "\(guidanceInterval.low):\(guidanceInterval.high)"))
    }
    if approximation.deepInterval > 1 { shortcuts.append(("Deep cache", "\(approximation.deepInterval)")) }
    // As A1111 has it.
    if approximation.mergedTokens > 0 { shortcuts.append(("Token merging ratio", "\(approximation.mergedTokens)")) }
    return shortcuts
  }
}

extension AdapterHashes {
  /// As A1111 has them: "ink: 0123456789ab, sepia: ..."; names without what divides them.
  fileprivate var settings: [(name: String, value: String)] {
    func list(_ entries: [Entry]) -> String {
      entries.map { "\($0.name.filter { !":,".contains($0) }): \($0.hash)" }.joined(separator: ", ")
    }
    return [("Lora hashes", list(loras)), ("TI hashes", list(inversions))].filter { !$0.1.isEmpty }
  }
}
