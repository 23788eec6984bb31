import Tensors

/// Resampling of a picture that comes in strips from top to bottom and leaves so: the same numbers as `Tensor.resized`, with
/// no more rows in memory than the filter spans.
public struct StripResampler {
  private let vertical, horizontal: [(first: Int, weights: [Float])]
  private let resizes: (rows: Bool, columns: Bool)
  /// Source rows from `first` on that are still needed, already of the target's width.
  private var kept: Tensor?
  private var first = 0
  private var next = 0

  /// - Parameters: source, target: height and width.
  public init(from source: (Int, Int), to target: (Int, Int), _ filter: ResampleFilter) {
    vertical = filter.taps(from: source.0, to: target.0)
    horizontal = filter.taps(from: source.1, to: target.1)
    resizes = (source.0 != target.0, source.1 != target.1)
  }

  /// - Parameter strip: the next source rows, `[1, C, n, W]`.
  /// - Returns: the target rows that are complete now; nil where there are none.
  public mutating func add(_ strip: Tensor) -> Tensor? {
    let wide = resizes.columns ? strip.resizedHorizontally(horizontal) : strip
    guard resizes.rows else { return wide }
    let rows = kept.map { Tensor.concatenate([$0, wide], axis: 2) } ?? wide
    let available = first + rows.shape[2]
    var end = next
    while end < vertical.count, vertical[end].first + vertical[end].weights.count <= available { end += 1 }
    let ready = vertical[next..<end].map { (first: $0.first - first, weights: $0.weights) }
    let result = ready.isEmpty ? nil : rows.resizedVertically(ready)
    next = end
    let needed = next < vertical.count ? min(max(vertical[next].first, first), available) : available
    kept = needed < available ? rows.slice(axis: 2, (needed - first)..<rows.shape[2]) : nil
    first = needed
    return result
  }
}

extension Tensor {
  /// The given rows and columns of what `resized(height:width:)` would give.
  public func resized(
    height: Int, width: Int, rows: Range<Int>, columns: Range<Int>, _ filter: ResampleFilter
  ) -> Tensor {
    func part(_ axis: Int, _ length: Int, _ range: Range<Int>) -> (source: Range<Int>, [(first: Int, weights: [Float])])
    {
      let taps = filter.taps(from: shape[axis], to: length)[range]
      let (low, high) = (taps.map(\.first).min()!, taps.map { $0.first + $0.weights.count }.max()!)
      return (low..<high, taps.map { ($0.first - low, $0.weights) })
    }
    let (sourceRows, vertical) = part(2, height, rows)
    let (sourceColumns, horizontal) = part(3, width, columns)
    return slice(axis: 2, sourceRows).slice(axis: 3, sourceColumns)
      .resizedHorizontally(horizontal).resizedVertically(vertical)
  }
}
