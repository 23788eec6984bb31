/// How pictures go through the autoencoder. Tiles overlap and are blended; each has statistics of its own, which a picture
/// that goes through whole, as in the reference pipelines, does not notice.
public enum Tiling: Sendable, Equatable {
  /// Whole up to a megapixel or so, and as far as memory's limit allows; else in tiles.
  case auto
  /// Whole, whatever memory that takes.
  case off
  /// In tiles of at most so many pixels a side, but of 32 latents at least.
  case side(Int)
}
