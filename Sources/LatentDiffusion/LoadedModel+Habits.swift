import Diffusion
import Models

extension LoadedModel {
  /// Steps and guidance of a model whose folder names none, by what its parts and its scheduler's config tell of it.
  func habits(_ task: Job.Task) -> (steps: Int, guidance: Double) {
    // Latent consistency: few steps; guidance is embedded, or distilled away.
    if model.embedsGuidance { return (4, 8.5) }
    if model.scheduler.className == "LCMScheduler" || isAdversariallyDistilled { return (4, 1) }
    if task == .upscale { return (50, 9) }
    return (30, model.microConditioning == nil ? 7.5 : 5)
  }

  /// SD-Turbo, SDXL-Turbo, Lightning (Sauer et al. 2023, arXiv:2311.17042): their configs ask for Euler on trailing steps,
  /// which nothing else does that has not its terminal noise rescaled.
  private var isAdversariallyDistilled: Bool {
    let config = model.scheduler
    return config.className?.hasPrefix("Euler") == true && config.spacing == "trailing"
      && config.rescaleBetasZeroSNR != true && config.prediction != "v_prediction"
  }
}
