import Diffusion

/// A denoiser for maps larger than its network's: predicts in overlapping windows and blends the predictions, at every call
/// (MultiDiffusion, Bar-Tal et al. 2023, arXiv 2302.08113). Work grows with the number of windows; nothing grows faster.
package struct WindowedDenoiser: Denoiser {
  let model: any Denoiser
  let windows: Windows
  /// Channels appended to each window's input, the same for all: `[1, C, h, w]` of a window's size.
  let concatenated: Tensor?
  /// Called after each window; what it throws stops the run.
  let done: () throws -> Void

  package init(
    model: any Denoiser, windows: Windows, concatenated: Tensor? = nil, done: @escaping () throws -> Void
  ) {
    (self.model, self.windows, self.concatenated, self.done) = (model, windows, concatenated, done)
  }

  package var embedsGuidance: Bool { model.embedsGuidance }

  package func predict(_ input: DenoiserInput) throws -> Tensor {
    var count = input.window * windows.count
    return try windows.blend(input.latents) { part in
      var window = input
      window.window = count
      count += 1
      window.latents =
        concatenated.map { Tensor.concatenate([part, $0.repeated(part.shape[0])], axis: 1) } ?? part
      let result = try model.predict(window)
      try done()
      return result
    }
  }
}
