import LatentDiffusion

/// The colours of an input about the model, which knows sRGB alone: there and back.
struct Colours {
  private let original: Image
  private let profile: ColorProfile?

  init(of image: Image) {
    original = image
    profile = ColorProfile(image.metadata.icc)
  }

  /// What the model is to see: 16 bits where colours were converted.
  var forModel: Image { profile == nil ? original : original.inSRGB() }

  /// Bits a sample of a result that is to have `depth`, before `given` sees it.
  func workingDepth(_ depth: Int) -> Int { profile == nil ? depth : 16 }

  /// A result in sRGB in the input's colours, at `depth`; of inpainting with the kept pixels to the bit.
  func given(back result: Image, of job: Job, depth: Int) -> Image {
    guard let profile else { return result }
    let converted = result.converted(to: profile, depth: depth)
    guard job.task == .inpaint, !job.request.raw, let mask = job.request.mask else { return converted }
    let isSoft = job.request.maskMode == .soft
    return converted.restoring(original, where: Mask(isSoft ? mask : mask.map { $0 >= 0.5 ? 1 : 0 }))
  }
}
