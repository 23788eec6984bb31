import Diffusion

extension Run {
  /// Super-resolution by the model's factor, as often as the wanted size needs, then resampled to it.
  func upscale() throws -> Tensor {
    guard let low = job.request.image else { throw ConditioningError.missing(what: "a picture", by: "upscale") }
    var picture = low
    let wanted = job.request.size
    repeat {
      picture = try enlarged(picture)
    } while picture.shape[2] < wanted.height || picture.shape[3] < wanted.width
    guard picture.shape[2] != wanted.height || picture.shape[3] != wanted.width else { return picture }
    return picture.resized(height: wanted.height, width: wanted.width, .lanczos3).clamped(to: -1...1)
  }

  /// One enlargement by the latent factor: the UNet's latents have the size of the low-resolution picture.
  private func enlarged(_ low: Tensor) throws -> Tensor {
    let factor = model.latentFactor
    // A few pixels of reflected margin: a network's results are worst along the border, and tiny pictures need room.
    let margin = job.work == .input ? 0 : 8
    let (h, w) = (low.shape[2], low.shape[3])
    let framed = low.framedByReflection(top: margin, left: margin, bottom: margin, right: margin)
    var request = prepared(job.request)
    request.image = framed
    let size = Size(height: framed.shape[2], width: framed.shape[3])
    request.size = Size(height: size.height * factor, width: size.width * factor)
    let windows = job.work == .input ? nil : self.windows(over: size)
    let picture = try pass(
      request, by: [TextToImage(), SuperResolution()], windows: windows, latentSize: size)
    return picture.cropped(top: margin * factor, left: margin * factor, height: h * factor, width: w * factor)
      .clamped(to: -1...1)
  }
}
