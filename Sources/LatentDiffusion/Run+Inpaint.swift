import Diffusion
import Inpainting

extension Run {
  /// Repaints where the mask says. Of a picture larger than the model, the masked region with context is cut out, worked on
  /// at native size and pasted back; every other pixel stays.
  func inpaint() throws -> Tensor {
    guard let picture = job.request.image else { throw ConditioningError.missing(what: "a picture", by: "inpaint") }
    guard var mask = job.request.mask else { throw ConditioningError.missing(what: "a mask", by: "inpaint") }
    guard mask.shape[2...] == picture.shape[2...] else {
      throw ConditioningError.shape(what: "the mask", found: mask.shape, expected: [1, 1] + picture.shape[2...])
    }
    if job.request.maskMode != .soft { mask = mask.map { $0 >= 0.5 ? 1 : 0 } }
    guard let hole = Region(of: mask) else { return picture }
    if job.work == .input { return try repainted(picture, mask) }
    let region =
      job.work == .auto ? hole.withContext(in: picture.shape, native: loaded.nativeSize) : Region(all: picture.shape)
    let cut = region.cut(picture)
    let cutMask = region.cut(mask)
    guard let size = regionSize(cut) else { return region.pasted(try repainted(cut, cutMask), on: picture) }
    let small = cut.resized(height: size.height, width: size.width, .lanczos3).clamped(to: -1...1)
    // Any pixel of the hole is to be repainted at the smaller size too.
    let smallMask = cutMask.resized(height: size.height, width: size.width, .area).map { $0 > 0.01 ? 1 : 0 }
    let painted = try repainted(small, smallMask, raw: true)
      .resized(height: cut.shape[2], width: cut.shape[3], .lanczos3)
    let result = job.request.raw ? painted : paste(painted, over: cut, mask: cutMask)
    return region.pasted(result, on: picture)
  }

  /// nil where the region is worked on as it is.
  private func regionSize(_ cut: Tensor) -> Size? {
    let (h, w) = (cut.shape[2], cut.shape[3])
    let native = loaded.nativeSize
    let side: Double =
      switch job.work {
      case .pixels(let side): Double(side)
      default: Double(native)
      }
    if job.work == .auto && max(h, w) <= native { return nil }
    let factor = side / Double(max(h, w))
    func fitted(_ length: Int) -> Int {
      max(loaded.roundedUp(Int((Double(length) * factor).rounded())), loaded.multiple)
    }
    return Size(height: fitted(h), width: fitted(w))
  }

  /// One pass over the whole of `picture`.
  private func repainted(_ picture: Tensor, _ mask: Tensor, raw: Bool? = nil) throws -> Tensor {
    var request = prepared(job.request)
    let padded = loaded.padded(picture)
    request.image = padded
    request.size = Size(height: padded.shape[2], width: padded.shape[3])
    request.mask = mask.paddedByReflection(height: padded.shape[2], width: padded.shape[3])
    request.raw = raw ?? request.raw
    return try pass(request, by: [TextToImage(), Inpainting()])
      .cropped(top: 0, left: 0, height: picture.shape[2], width: picture.shape[3])
  }
}
