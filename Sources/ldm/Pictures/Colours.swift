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

  /// A result in sRGB in the input's colours, at `depth`.
  ///
  /// - Parameter repainted: where the result is new; every other pixel is the input's to the bit. nil: all of it is new.
  func given(back result: Image, repainted: Mask?, depth: Int) -> Image {
    guard let profile else { return result }
    let converted = result.converted(to: profile, depth: depth)
    // A plug-in may have made the canvas another.
    guard let repainted, result.size == original.size else { return converted }
    return converted.restoring(original, where: repainted)
  }
}
