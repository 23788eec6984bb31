import Diffusion

/// What `picture` has beyond the plain enlargement of `low`, scaled down wherever it has more contrast than the finest detail
/// of `low` there: clouds and walls are left calm, edges and leaves as they are.
///
/// The amplitudes of natural pictures fall as the inverse of the frequency, so that an octave has the contrast of the one below
/// it (Field 1987, "Relations between the statistics of natural images and the response properties of cortical cells"). What
/// exceeds that is more likely the network's own.
///
/// - Parameters: picture: `[1, 3, k h, k w]`; low: `[1, 3, h, w]`.
public func detailMatched(_ picture: Tensor, to low: Tensor) -> Tensor {
  let (height, width) = (low.shape[2], low.shape[3])
  let plain = low.resized(height: picture.shape[2], width: picture.shape[3], .bicubicAntialiased)
  let added = picture - plain
  let coarse = low.resized(height: max(height / 2, 1), width: max(width / 2, 1), .bicubicAntialiased)
  let finest = low - coarse.resized(height: height, width: width, .bicubicAntialiased)
  let gain = power(finest, around: low).zip(power(added, around: low)) { known, added in
    known < added ? (known / added).squareRoot() : 1
  }
  let smooth = gain.resized(height: picture.shape[2], width: picture.shape[3], .bilinear)
  return plain + added * Tensor.concatenate(Array(repeating: smooth, count: added.shape[1]), axis: 1)
}

/// Sums over channels of squares, their means over squares of 4 x 4 pixels of `low`: far enough for a mean, near enough to an
/// edge.
private func power(_ detail: Tensor, around low: Tensor) -> Tensor {
  let squares = detail * detail
  let sum = (1..<detail.shape[1]).reduce(squares.slice(axis: 1, 0..<1)) { $0 + squares.slice(axis: 1, $1..<($1 + 1)) }
  return sum.resized(height: max(low.shape[2] / 4, 1), width: max(low.shape[3] / 4, 1), .area)
}
