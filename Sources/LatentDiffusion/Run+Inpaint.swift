import Diffusion
import Inpainting

extension Run {
  /// Repaints where the mask says. Of a picture larger than the model, each group of holes is cut out with context, worked
  /// on at native size and pasted back; every other pixel stays.
  func inpaint() throws -> Surface {
    var canvas = try required("inpaint")
    if case .samples(let image) = canvas { canvas = .samples(image.at(depth: job.depth)) }
    var open = try job.request.required(\.mask, "a mask", by: "inpaint")
    let size = canvas.size
    guard open.shape == [1, 1, size.height, size.width] else {
      throw ConditioningError.shape(what: "the mask", found: open.shape, expected: [1, 1, size.height, size.width])
    }
    if job.request.maskMode != .soft { open = open.map { $0 >= 0.5 ? 1 : 0 } }
    let holes = job.work == .auto ? Holes(of: open, native: loaded.nativeSize) : Holes(whole: open)
    for (number, hole) in holes.groups.enumerated() {
      let region = job.work == .auto ? hole.withContext(in: open.shape, native: loaded.nativeSize) : canvas.all
      let cut = canvas.cut(region)
      // Holes that are still open nearby are no context; those that are done are.
      let painted = try repainted(cut, region.cut(open))
      let (top, left) = (region.rows.lowerBound, region.columns.lowerBound)
      if job.request.raw {
        canvas.write(painted, top: top, left: left)
      } else {
        let own = holes.mask(open, of: number, in: region)
        canvas.write(paste(painted, over: cut, mask: own, seam: seam), top: top, left: left, where: own)
        if number + 1 < holes.groups.count { region.paste(region.cut(open) - own, on: &open) }
      }
    }
    return canvas
  }

  /// A cut-out repainted: at its own size, or at native size. Where that is much smaller, it gets the texture that the small one
  /// cannot have from the picture itself, or from the network again in windows at its own size.
  private func repainted(_ cut: Tensor, _ mask: Tensor) throws -> Tensor {
    guard let size = regionSize(cut) else {
      let painted = try onePass(cut, mask)
      return try textured(painted, over: cut, mask: mask) ?? painted
    }
    let (h, w) = (cut.shape[2], cut.shape[3])
    let (small, smallMask) = reduced(cut, mask, to: size)
    let painted = try onePass(small, smallMask)
    if let textured = try textured(painted, over: cut, mask: mask) { return textured }
    let strength = job.request.strength
    var coarse = painted.resized(height: h, width: w, .lanczos3)
    // What strength keeps, it keeps in the detail that the small one cannot have.
    if strength < 1 { coarse = coarse + Float(1 - strength) * (cut - small.resized(height: h, width: w, .lanczos3)) }
    guard job.work == .auto, Double(max(h, w)) >= 1.5 * Double(max(size.height, size.width)),
      let settings = laterSettings(strength: Self.retouch * strength)
    else { return coarse }
    return try onePass(
      paste(coarse, over: cut, mask: mask, seam: seam), mask, strength: Self.retouch * strength, settings)
  }

  /// A picture and its mask at a smaller size.
  func reduced(_ picture: Tensor, _ mask: Tensor, to size: Size) -> (picture: Tensor, mask: Tensor) {
    (
      picture.resized(height: size.height, width: size.width, .lanczos3).clamped(to: -1...1),
      // Any pixel of the hole is to be repainted at the smaller size too.
      mask.resized(height: size.height, width: size.width, .area).map { $0 > 0.01 ? 1 : 0 }
    )
  }

  var seam: Seam {
    job.request.matchesBorder ?? loaded.defaults.matchesBorder ?? false ? .border : .decoder
  }

  /// Share of the strength that the second pass over a large hole is run with: texture, not content.
  private static var retouch: Double { 0.4 }

  /// nil where the region is worked on as it is.
  private func regionSize(_ cut: Tensor) -> Size? {
    let (h, w) = (cut.shape[2], cut.shape[3])
    let native = loaded.nativeSize
    var side = Double(native)
    if case .pixels(let length) = job.work { side = Double(length) }
    if job.work == .input || job.work == .auto && max(h, w) <= native { return nil }
    return loaded.size(Size(height: h, width: w), scaledBy: side / Double(max(h, w)))
  }

  /// One pass over `picture`; nothing is pasted.
  ///
  /// - Parameters:
  ///   - strength: of a second pass, in windows; nil: the job's, over the whole.
  ///   - settings: of a second pass.
  private func onePass(
    _ picture: Tensor, _ mask: Tensor, strength: Double? = nil, _ settings: SampleSettings? = nil
  ) throws -> Tensor {
    var request = prepared(job.request)
    let padded = loaded.padded(picture)
    request.image = padded
    request.size = Size(height: padded.shape[2], width: padded.shape[3])
    request.mask = mask.paddedByReflection(height: padded.shape[2], width: padded.shape[3])
    request.strength = strength ?? request.strength
    let factor = model.latentFactor
    let windows = strength.map { _ in
      self.windows(over: Size(height: request.size.height / factor, width: request.size.width / factor))
    }
    return try pass(request, by: [Inpainting(pastes: false)], windows: windows, settings: settings)
      .cropped(top: 0, left: 0, height: picture.shape[2], width: picture.shape[3])
  }
}
