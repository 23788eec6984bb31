import LatentDiffusion

/// A picture that is made, and how it is to be written. What is left to do needs no kernels.
struct Finished: Sendable {
  let label: String
  let piece: Piece
  let started: ContinuousClock.Instant
  /// Opaque, in the colours of the model, with all that is to be said beside the pixels.
  var picture: Image
  /// `[1, 1, H, W]` in 0...1.
  var alpha: Tensor?
  var depth: Int
  /// Of the input, if there was one, and the job that worked on it: the result goes back to them.
  var colours: Colours?
  var job: Job
  var encoding: EncodingOptions
  var isMarked: Bool

  /// Encodes and writes the picture.
  ///
  /// - Returns: seconds since the work on it began.
  func write(to destinations: Destinations, _ report: Report?) throws -> Double {
    var image = picture.with(alpha: alpha)
    if let colours { image = colours.given(back: image, of: job, depth: depth) }
    if isMarked { image = Watermark.stableDiffusion.embedded(in: image) }
    try destinations.write(image.encoded(as: piece.format, encoding), to: piece.target)
    let seconds = started.duration(to: .now).seconds
    try report?.add(
      input: label, output: "\(piece.target)", seed: piece.seed, seconds: seconds, status: .done, message: nil)
    return seconds
  }
}
