import Diffusion
import Models

/// A model with the defaults of its folder: what a task is run with.
struct LoadedModel: Sendable {
  let model: Model
  let defaults: ModelDefaults

  init(folder: String, policy: KernelPolicy) throws {
    defaults = try ModelDefaults(folder: folder)
    model = try Model(
      at: folder, autoencoderAt: defaults.autoencoder.map { "\(folder)/\($0)" }, policy: policy,
      defaultNoiseLevel: defaults.noiseLevel ?? 20)
  }

  /// Side of the pictures the model was trained on: what `ldm.json` says, else the UNet's sample size.
  var nativeSize: Int { defaults.nativeSize ?? model.unet.config.sampleSize * model.latentFactor }
  /// Side of a window in latents.
  var window: Int { defaults.window ?? nativeSize / model.latentFactor }
  /// Sizes are padded to multiples of it: the autoencoder's factor, and room for the UNet's halvings.
  var multiple: Int { model.latentFactor }
  /// Whether the UNet was trained to inpaint: mask and masked latents are part of its input.
  var isInpainting: Bool { model.inputChannels == 2 * model.latentChannels + 1 }

  /// Conditioners that such a UNet needs where nothing is masked.
  var blankCanvas: [any Conditioner] { isInpainting ? [BlankCanvas()] : [] }

  /// The options of a job, with what it leaves open filled in.
  func resolved(_ sampling: Sampling, task: Job.Task) throws -> ResolvedSampling {
    var options = SamplerOptions(config: model.scheduler)
    options.spacing = sampling.spacing
    options.eta = sampling.eta
    if let name = sampling.schedule {
      guard let schedule = SigmaSchedule(rawValue: name) else {
        throw SamplingError.unknown(kind: "schedule", name: name, known: SigmaSchedule.allCases.map(\.rawValue))
      }
      options.sigmaSchedule = schedule
    }
    let name = sampling.sampler ?? defaults.sampler ?? Samplers.name(ofClass: model.scheduler.className) ?? "ddim"
    var settings = SamplingSettings()
    settings.prediction = sampling.prediction ?? model.scheduler.prediction
    settings.guidance = sampling.guidance ?? defaults.guidance ?? (task == .upscale ? 9 : 7.5)
    settings.guidanceRescale = sampling.guidanceRescale
    let steps = sampling.steps ?? defaults.steps ?? (task == .upscale ? 50 : 30)
    return ResolvedSampling(
      sampler: try Samplers.named(name).make(options), samplerName: name, steps: steps, settings: settings,
      exactSteps: sampling.exactSteps)
  }
}

/// Sampling with nothing left open.
struct ResolvedSampling {
  var sampler: any Sampler
  var samplerName: String
  var steps: Int
  var settings: SamplingSettings
  var exactSteps: Bool

  /// Steps of the whole plan: with `exactSteps`, as many as leave `steps` to run at `strength`.
  func steps(atStrength strength: Double) -> Int {
    guard exactSteps, strength > 0, strength < 1 else { return steps }
    return Int((Double(steps) / strength).rounded(.up))
  }
}
