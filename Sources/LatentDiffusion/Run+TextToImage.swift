import Diffusion

extension Run {
  /// A picture of noise and words. A model that knows best from small pictures what words mean (`layout_size` of its folder)
  /// makes a small one first, then one twice as large from it, and so on to the size asked for; any other makes it at once.
  func textToImage() throws -> Surface {
    let wanted = job.request.size
    var request = prepared(job.request)
    var picture: Tensor?
    for size in layouts(of: wanted) {
      request.size = size
      var conditioners: [any Conditioner] = []
      if let small = picture {
        request.image = small.resized(height: size.height, width: size.width, .lanczos3).clamped(to: -1...1)
        request.strength = Self.redrawn
        conditioners.append(ImageToImage())
      }
      picture = try pass(
        request, by: conditioners + loaded.blankCanvas,
        settings: picture == nil ? nil : laterSettings(strength: Self.redrawn), mayResize: true)
    }
    let result = picture!
    // What a conditioner cut to size has no margin left.
    guard result.shape == [1, 3, request.size.height, request.size.width] else { return surface(of: result) }
    return surface(of: result.cropped(top: 0, left: 0, height: wanted.height, width: wanted.width))
  }

  /// Strength of the passes after the first: contours and texture anew, what is where as it is.
  private static var redrawn: Double { 0.4 }

  /// The sizes of the passes, each twice the one before, the last with room for `wanted`.
  private func layouts(of wanted: Size) -> [Size] {
    var (factor, sizes) = (1.0, [loaded.size(wanted, scaledBy: 1)])
    // Conditioners from elsewhere have the size asked for in mind, and may start from a picture of their own.
    guard let side = loaded.defaults.layoutSize, job.conditioners.isEmpty,
      laterSettings(strength: Self.redrawn) != nil
    else { return sizes }
    while Double(max(wanted.height, wanted.width)) * factor > 1.5 * Double(side) {
      factor /= 2
      sizes.insert(loaded.size(wanted, scaledBy: factor), at: 0)
    }
    return sizes
  }
}
