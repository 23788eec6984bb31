import Diffusion
import SuperResolution

extension Run {
  /// Super-resolution by the model's factor, as often as the wanted size needs, then resampled to it.
  func upscale() throws -> Surface {
    var low = try required("upscale")
    let factor = model.latentFactor
    let wanted = job.request.size
    while low.size.height * factor < wanted.height || low.size.width * factor < wanted.width {
      low = try enlarged(low, to: low.size * factor, depth: 16)
      // The last enlargement is not to make more pixels than are wanted.
      let needed = Size(
        height: (wanted.height + factor - 1) / factor, width: (wanted.width + factor - 1) / factor)
      if needed.height <= low.size.height && needed.width <= low.size.width {
        low = .floats(low.resized(to: needed, .bicubicAntialiased).clamped(to: -1...1))
      }
    }
    return try enlarged(low, to: wanted, depth: job.depth)
  }

  /// One enlargement by the latent factor: the UNet's latents have the size of the low-resolution picture. They are
  /// sampled over the whole picture, in windows fused at every step, and decoded tile by tile; each tile is projected back
  /// to its part of the low-resolution picture, and its detail matched to it, before tiles are blended, so that no tile has a
  /// colour of its own.
  private func enlarged(_ low: Surface, to wanted: Size, depth: Int) throws -> Surface {
    let factor = model.latentFactor
    // A few pixels of reflected margin: a network's results are worst along the border, and tiny pictures need room.
    let margin = job.work == .input ? 0 : 8
    let full = low.size * factor
    let framed = low.tensor.framedByReflection(top: margin, left: margin, bottom: margin, right: margin)
    let size = Size(height: framed.shape[2], width: framed.shape[3])
    var request = prepared(job.request)
    request.image = framed
    request.size = size * factor
    let windows = job.work == .input ? nil : self.windows(over: size)
    let (latents, compose) = try latents(
      of: request, by: [SuperResolution(projects: false)], windows: windows, size: size)
    var result = surface(of: wanted, depth: depth)
    var resampler = StripResampler(
      from: (full.height, full.width), to: (wanted.height, wanted.width), .lanczos3)
    var row = 0
    try decode(latents, compose: compose) { part, tile in
      request.raw ? tile : finished(tile, of: part.cut(framed), matchesDetail: request.matchesDetail ?? false)
    } emit: { top, strip in
      let inside = (top..<(top + strip.shape[2])).clamped(to: (margin * factor)..<(margin * factor + full.height))
      guard !inside.isEmpty else { return }
      let kept = strip.cropped(
        top: inside.lowerBound - top, left: margin * factor, height: inside.count, width: full.width)
      guard let rows = resampler.add(job.request.raw ? kept : kept.clamped(to: -1...1)) else { return }
      result.write(rows, top: row)
      row += rows.shape[2]
    }
    return result
  }
}

extension Size {
  static func * (size: Size, factor: Int) -> Size { Size(height: size.height * factor, width: size.width * factor) }
}
