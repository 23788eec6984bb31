/// How pictures go through the autoencoder. Tiles overlap and are blended, and are normalised by the statistics of a mosaic of
/// the picture, which are nearly those that a picture has which goes through whole, as in the reference pipelines.
public enum Tiling: Sendable, Equatable {
  /// Whole up to a megapixel or so, several where a model's maps are small, and as far as memory's limit allows; else in
  /// tiles.
  case auto
  /// Whole, whatever memory that takes.
  case off
  /// In tiles of at most so many pixels a side, but of 32 latents at least.
  case side(Int)
}
