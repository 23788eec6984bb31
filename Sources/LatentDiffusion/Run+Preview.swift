import Diffusion
import Models

extension Run {
  /// A look at the clean latents that each call implies; leaves the latents as they are.
  func previewing(_ show: @escaping @Sendable (Tensor) throws -> Void) -> Conditioning.Constrain {
    let autoencoder = loaded.previewer ?? model.autoencoder
    // Larger latents are made smaller first: a preview is a small picture, and must not cost a large one's memory.
    let side = loaded.nativeSize / model.latentFactor
    return { latents, step in
      let x0 = step.x0
      let scale = min(1, Double(side) / Double(max(x0.shape[2], x0.shape[3])))
      func fitted(_ length: Int) -> Int { max(Int(Double(length) * scale), 1) }
      let small = scale < 1 ? x0.resized(height: fitted(x0.shape[2]), width: fitted(x0.shape[3]), .area) : x0
      try show(autoencoder.decode(small).clamped(to: -1...1))
      return latents
    }
  }
}
