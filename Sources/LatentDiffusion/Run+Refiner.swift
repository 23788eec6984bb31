import Diffusion
import Models
import Weights

/// A model that takes over for the last of the steps (Podell et al. 2023, arXiv:2307.01952, sec. 2.5).
struct Refiner: Sendable {
  let model: Model
  /// Of the training steps: 0.2 leaves it the last fifth.
  let share: Double

  /// - Throws: `ModelError.component` unless both models work on the same latents.
  init(
    at path: String, share: Double, for base: Model, inversions: [TextualInversion], policy: KernelPolicy
  ) throws {
    (model, self.share) = (try Model(Checkpoint(at: path), inversions: inversions, policy: policy), share)
    for (what, own, other) in [
      ("latent channels", model.latentChannels, base.latentChannels),
      ("pixels a latent", model.latentFactor, base.latentFactor),
      ("channels of the UNet's input", model.inputChannels, model.latentChannels),
    ] where own != other {
      throw ModelError.component("refiner", folder: path, found: "one of \(own) \(what)", expected: "\(other)")
    }
  }

  /// The first training step that is its own, and all below.
  func cutoff(of steps: Int) -> Double {
    let base = 1 - share
    return (Double(steps) - base * Double(steps)).rounded(.toNearestOrEven)
  }
}

extension Run {
  /// What the model itself is to run of the plan.
  func ownPart(of settings: SampleSettings) -> SampleSettings {
    var settings = settings
    if let refiner = loaded.refiner { settings.timesteps = refiner.cutoff(of: trainSteps)..<Double.infinity }
    return settings
  }

  /// The rest of the plan, by the refiner, with what `conditioning` holds the latents to.
  ///
  /// - Parameter latents: noisy, as the model left them. Nothing is drawn but by the sampler.
  func refined(
    _ latents: Tensor, _ refiner: Refiner, _ request: Request, _ conditioning: Conditioning,
    _ settings: SampleSettings, by denoiser: any Denoiser, progress: (Int, Int) throws -> Void
  ) throws -> Tensor {
    var own = try TextToImage().condition(request, with: refiner.model, noise: &noise)
    own.start = Start(latents: latents, strength: conditioning.start?.latents == nil ? 1 : conditioning.start!.strength)
    own.start?.isNoisy = true
    own.constrain = conditioning.constrain
    var settings = settings
    settings.timesteps = -1..<refiner.cutoff(of: trainSteps)
    return try sample(
      denoiser, own, sampling.sampler, settings, shape: latents.shape, noise: &noise, progress: progress)
  }
}
