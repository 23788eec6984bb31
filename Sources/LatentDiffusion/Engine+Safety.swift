import Diffusion
import Models
import Weights

extension Engine {
  /// A safety checker, on the engine's kernels.
  ///
  /// - Parameter path: of its own folder, or of a model that has one.
  /// - Throws: `CheckpointError`, `ConfigError`, `WeightsError`.
  public func safetyChecker(at path: String) throws -> SafetyChecker {
    try loadSafetyChecker(Checkpoint(at: path), policy: policy)
  }
}

extension Image {
  /// Nothing but where it is light and dark: eight samples along the shorter side, at the picture's own size. The alpha
  /// is left out.
  public func blurred() -> Image {
    let short = min(width, height)
    let small = Size(height: max(8 * height / short, 1), width: max(8 * width / short, 1))
    // Enlarging gives nothing away either: a picture that is this small is reduced to one sample.
    let size = short > 16 ? small : Size(height: 1, width: 1)
    let coarse = Surface.samples(self).resized(to: size, .area)
    var result = Surface.samples(Image(width: width, height: height, depth: depth))
    for region in result.strips {
      let part = coarse.resized(
        height: height, width: width, rows: region.rows, columns: region.columns, .bicubicAntialiased)
      result.write(part.clamped(to: -1...1), top: region.rows.lowerBound)
    }
    guard case .samples(var image) = result else { preconditionFailure("samples stay samples") }
    image.metadata = metadata
    return image
  }
}
