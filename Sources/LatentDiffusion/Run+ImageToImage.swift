import Diffusion
import Foundation

extension Run {
  /// The picture re-imagined. One that the model can see whole takes one pass; a photograph takes one at native size, which
  /// decides what is where, and then windows at full size, which decide how it looks from near.
  func imageToImage() throws -> Tensor {
    guard let picture = job.request.image else { throw ConditioningError.missing(what: "a picture", by: "img2img") }
    switch workingSize(for: picture) {
    case nil: return try restyled(picture)
    case let size?:
      let small = picture.resized(height: size.height, width: size.width, .lanczos3)
      let global = try restyled(small)
      let (h, w) = (picture.shape[2], picture.shape[3])
      guard job.work == .auto else { return global.resized(height: h, width: w, .lanczos3).clamped(to: -1...1) }
      return try refined(picture, small: small, global: global)
    }
  }

  /// nil where the picture is worked on at its own size.
  func workingSize(for picture: Tensor) -> Size? {
    let (h, w) = (Double(picture.shape[2]), Double(picture.shape[3]))
    let native = Double(loaded.nativeSize)
    func scaled(by factor: Double) -> Size {
      func fitted(_ length: Double) -> Int { max(loaded.roundedUp(Int((length * factor).rounded())), loaded.multiple) }
      return Size(height: fitted(h), width: fitted(w))
    }
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
    let result = try pass(
      request(for: loaded.padded(picture)), by: [TextToImage(), ImageToImage()] + loaded.blankCanvas)
    return result.cropped(top: 0, left: 0, height: h, width: w)
  }

  /// Windows at full size over the enlarged global picture with the photograph's own detail on it, fused at every call and
  /// anchored to the global picture by back-projection.
  private func refined(_ picture: Tensor, small: Tensor, global: Tensor) throws -> Tensor {
    let (h, w) = (picture.shape[2], picture.shape[3])
    let detail = picture - small.resized(height: h, width: w, .bicubicAntialiased)
    let kept = Float(1 - job.request.strength)
    let coarse = global.resized(height: h, width: w, .bicubicAntialiased)
    let start = (coarse + kept * detail).clamped(to: -1...1)
    var request = request(for: loaded.padded(start))
    request.strength = job.request.strength * Self.refinement
    let grid = Size(height: request.size.height / model.latentFactor, width: request.size.width / model.latentFactor)
    // Where strength leaves no step for the windows, there is nothing to re-imagine from near.
    guard sampling.settings.exactSteps || Int(Double(sampling.settings.steps) * request.strength) > 0 else {
      return start
    }
    let fine = try pass(
      request, by: [TextToImage(), ImageToImage()] + loaded.blankCanvas, windows: windows(over: grid)
    ).cropped(top: 0, left: 0, height: h, width: w)
    let down = fine.resized(height: small.shape[2], width: small.shape[3], .bicubicAntialiased)
    return (fine + (global - down).resized(height: h, width: w, .bicubicAntialiased)).clamped(to: -1...1)
  }

  /// Share of the strength that windows are run with: enough to paint texture, too little to invent objects of their own.
  private static var refinement: Double { 0.5 }

  private func request(for picture: Tensor) -> Request {
    var request = prepared(job.request)
    request.image = picture
    request.size = Size(height: picture.shape[2], width: picture.shape[3])
    return request
  }

  /// Windows of the model's own size, a quarter shared with each neighbour.
  func windows(over size: Size) -> Windows {
    Windows(height: size.height, width: size.width, side: loaded.window, overlap: loaded.window / 4)
  }
}
