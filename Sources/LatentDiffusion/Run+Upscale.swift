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
    let framed = low.framedByReflection(margin)
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

extension Tensor {
  /// `[N, C, H, W]` with `margin` reflected pixels on every side.
  func framedByReflection(_ margin: Int) -> Tensor {
    let (h, w) = (shape[2], shape[3])
    func mirrored(_ i: Int, _ length: Int) -> Int {
      guard length > 1 else { return 0 }
      let period = 2 * (length - 1)
      let place = ((i % period) + period) % period
      return place < length ? place : period - place
    }
    let columns = (0..<(w + 2 * margin)).map { mirrored($0 - margin, w) }
    return Tensor(shape: [shape[0], shape[1], h + 2 * margin, w + 2 * margin]) { out in
      withElements { x in
        var place = 0
        for plane in 0..<(shape[0] * shape[1]) {
          for row in 0..<(h + 2 * margin) {
            let start = (plane * h + mirrored(row - margin, h)) * w
            for column in columns {
              out[place] = x[start + column]
              place += 1
            }
          }
        }
      }
    }
  }
}
