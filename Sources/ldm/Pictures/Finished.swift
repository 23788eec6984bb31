import LatentDiffusion

/// A picture that is made, and how it is to be written. What is left to do needs no kernels.
struct Finished: Sendable {
  let format: ImageFormat
  /// Opaque, in the colours of the model, with all that is to be said beside the pixels.
  var picture: Image
  /// `[1, 1, H, W]` in 0...1.
  var alpha: Tensor?
  var depth: Int
  /// Of the input, if there was one: the result goes back to them.
  var colours: Colours?
  /// Where it is new, if the rest is to be the input's to the bit.
  var repainted: Mask?
  var encoding: EncodingOptions
  var isMarked: Bool

  /// The file's bytes. Made in the picture's own memory, as far as that goes.
  consuming func encoded() throws -> [UInt8] {
    picture = picture.with(alpha: alpha)
    if let colours { picture = colours.given(back: picture, repainted: repainted, depth: depth) }
    if isMarked { Watermark.stableDiffusion.embed(in: &picture) }
    return try picture.encoded(as: format, encoding)
  }
}
