import Diffusion
import Foundation

extension Run {
  /// The picture re-imagined. One that the model can see whole takes one pass; a photograph takes one at native size, which
  /// decides what is where, and then windows at full size, which decide how it looks from near.
  func imageToImage() throws -> Surface {
    let picture = try required("img2img")
    guard let size = workingSize(for: picture.size) else { return surface(of: try restyled(picture.tensor)) }
    let small = picture.resized(to: size, .lanczos3).clamped(to: -1...1)
    let global = try restyled(small)
    guard job.work == .auto else {
      return filled(picture.size) { region in
        self.enlarged(global, to: picture.size, region, .lanczos3)
      }
    }
    return try refined(picture, small: small, global: global)
  }

  /// nil where the picture is worked on at its own size.
  func workingSize(for picture: Size) -> Size? {
    let (h, w) = (Double(picture.height), Double(picture.width))
    let native = Double(loaded.nativeSize)
    func scaled(by factor: Double) -> Size { loaded.size(picture, scaledBy: factor) }
    switch job.work {
    case .input: return nil
    case .auto: return max(h, w) <= 1.5 * native ? nil : scaled(by: native / (h * w).squareRoot())
    case .native: return scaled(by: native / (h * w).squareRoot())
    case .pixels(let side): return scaled(by: Double(side) / max(h, w))
    }
  }

  /// One pass over the whole picture.
  private func restyled(_ picture: Tensor) throws -> Tensor {
    let (h, w) = (picture.shape[2], picture.shape[3])
    var request = prepared(job.request)
    request.image = loaded.padded(picture)
    request.size = Size(height: request.image!.shape[2], width: request.image!.shape[3])
    let result = try pass(request, by: [ImageToImage()] + loaded.blankCanvas)
    return result.cropped(top: 0, left: 0, height: h, width: w)
  }

  /// Windows at full size over the enlarged global picture with the photograph's own detail on it, fused at every call and
  /// anchored to the global picture by back-projection.
  private func refined(_ picture: Surface, small: Tensor, global: Tensor) throws -> Surface {
    let size = picture.size
    let kept = Float(1 - job.request.strength)
    // up(global) + kept (picture - up(small)): what is where by the one, detail by the other.
    let shift = global - kept * small
    func start(_ region: Region) -> Tensor {
      let part = kept * picture.cut(region)
      return (part + enlarged(shift, to: size, region, .bicubicAntialiased)).clamped(to: -1...1)
    }
    let strength = job.request.strength * Self.refinement
    // Where strength leaves no step for the windows, there is nothing to re-imagine from near.
    guard let settings = laterSettings(strength: strength) else { return filled(size, start) }
    let known = try loaded.encode(size, part: start)
    let grid = Size(height: known.shape[2], width: known.shape[3])
    let windows = windows(over: grid)
    var request = prepared(job.request)
    request.image = request.image.map(loaded.padded)
    request.size = grid * model.latentFactor
    let (latents, compose) = try latents(
      of: request,
      by: [Continuation(start: Start(latents: known, noise: noise(known.shape), strength: strength))],
      windows: windows, settings: settings, size: grid, blankCanvas: true)
    var fine = surface(of: size, depth: 16)
    var resampler = StripResampler(
      from: (size.height, size.width), to: (small.shape[2], small.shape[3]), .bicubicAntialiased)
    var down: [Tensor] = []
    try decode(latents, compose: compose) { top, strip in
      let strip = strip.cropped(top: 0, left: 0, height: min(strip.shape[2], size.height - top), width: size.width)
        .clamped(to: -1...1)
      if !job.request.raw, let rows = resampler.add(strip) { down.append(rows) }
      fine.write(strip, top: top)
    }
    if job.request.raw { return fine }
    let correction = global - Tensor.concatenate(down, axis: 2)
    return filled(size) { region in
      let part = fine.cut(region)
      return (part + self.enlarged(correction, to: size, region, .bicubicAntialiased)).clamped(to: -1...1)
    }
  }

  /// Share of the strength that windows are run with: enough to paint texture, too little to invent objects of their own.
  private static var refinement: Double { 0.5 }

  /// A region of `map`, enlarged to `size`.
  private func enlarged(_ map: Tensor, to size: Size, _ region: Region, _ filter: ResampleFilter) -> Tensor {
    map.resized(height: size.height, width: size.width, rows: region.rows, columns: region.columns, filter)
  }

  /// A picture of `size` of which `part` gives every region, as many rows at a time as memory likes.
  private func filled(_ size: Size, _ part: (Region) -> Tensor) -> Surface {
    var result = surface(of: size, depth: job.depth)
    for region in result.strips { result.write(part(region), top: region.rows.lowerBound) }
    return result
  }
}

/// Starts where an earlier pass ended.
private struct Continuation: Conditioner {
  let start: Start

  func condition(_: Request, with _: any ConditioningModel, noise _: inout Noise) -> Conditioning {
    var result = Conditioning()
    result.start = start
    return result
  }
}
