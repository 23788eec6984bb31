import Diffusion
import Models
import Weights

/// A model with the defaults of its folder: what a task is run with.
struct LoadedModel: Sendable {
  let model: Model
  let defaults: ModelDefaults
  var refiner: Refiner?
  /// Decodes previews; nil: the model's own autoencoder does.
  var previewer: (any Autoencoder)?
  /// What a user should know of guesses that were made.
  let notes: [String]
  /// Bytes that the process's memory is to stay below.
  let memoryLimit: Int?
  let tiling: Tiling

  /// - Parameter vae: an autoencoder to use in place of the model's own.
  init(
    at path: String, autoencoderAt vae: String?, loras: [LoRA] = [], inversions: [TextualInversion] = [],
    hints: CheckpointHints, policy: KernelPolicy, tiling: Tiling
  ) throws {
    self.tiling = tiling
    defaults = try ModelDefaults(folder: path)
    let autoencoder = try (vae ?? defaults.autoencoder.map { "\(path)/\($0)" }).map { try Checkpoint(at: $0) }
    let checkpoint = try Checkpoint(at: path, hints: hints)
    (notes, memoryLimit) = (checkpoint.notes, policy.cache?.memoryLimit)
    model = try Model(
      checkpoint, autoencoder: autoencoder, loras: loras, inversions: inversions, policy: policy,
      defaultNoiseLevel: defaults.noiseLevel ?? 20)
  }

  /// Side of the pictures the model was trained on: what `ldm.json` says, else the UNet's sample size.
  var nativeSize: Int { defaults.nativeSize ?? model.unet.config.sampleSize * model.latentFactor }
  /// Side of a window in latents.
  var window: Int { defaults.window ?? nativeSize / model.latentFactor }
  /// Sizes are padded to multiples of it: the autoencoder's factor, and what the UNet's halvings need.
  var multiple: Int { model.latentFactor * model.unet.config.multiple }
  /// Whether the UNet was trained to inpaint: mask and masked latents are part of its input.
  var isInpainting: Bool { model.inpaintingInput != nil }

  /// Conditioners that such a UNet needs where nothing is masked.
  var blankCanvas: [any Conditioner] { isInpainting ? [BlankCanvas()] : [] }

  /// The options of a job, with what it leaves open filled in.
  func resolved(_ sampling: Sampling, task: Job.Task) throws -> ResolvedSampling {
    var options = SamplerOptions()
    options.spacing = sampling.spacing
    options.prediction = sampling.prediction
    options.eta = sampling.eta
    options.sigmas = sampling.sigmas
    options.shortensSchedule = model.embedsGuidance && task == .imageToImage
    options.alignment = model.unet.config.contextWidth == 2048 ? .stableDiffusionXL : .stableDiffusion
    if let name = sampling.schedule {
      guard let schedule = SigmaSchedule(rawValue: name) else {
        let known = SigmaSchedule.allCases.map(\.rawValue).joined(separator: ", ")
        throw SamplerError.range(what: "schedule", found: name, expected: known)
      }
      options.schedule = schedule
    }
    let usual = habits(task)
    let ownName = defaults.taskSampler[task.rawValue] ?? defaults.sampler
    let named = try (sampling.sampler ?? ownName).map(Samplers.named) ?? Samplers.own(of: model.scheduler)
    var settings = SampleSettings()
    settings.steps = sampling.sigmas?.count ?? sampling.steps ?? defaults.steps ?? usual.steps
    settings.exactSteps = sampling.exactSteps
    let ownGuidance = defaults.taskGuidance[task.rawValue] ?? defaults.guidance
    settings.guidance = sampling.guidance ?? ownGuidance ?? usual.guidance
    settings.guidanceRescale = sampling.guidanceRescale
    settings.guidanceInterval = sampling.guidanceInterval
    try sampling.approximation.check(steps: settings.steps)
    return ResolvedSampling(sampler: try named.make(model.scheduler, options), name: named.name, settings: settings)
  }
}

/// Sampling with nothing left open.
struct ResolvedSampling: Sendable {
  var sampler: any Sampler
  var name: String
  var settings: SampleSettings
}
