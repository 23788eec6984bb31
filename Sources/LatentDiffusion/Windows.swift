import Diffusion

/// Overlapping windows, evenly spaced, that cover a map; and the weights by which their results are blended.
///
/// The weights of a row of windows sum to 1 at every place, and so do those of a column: a result is finished, row by row,
/// as soon as no later window reaches it.
package struct Windows: Sendable {
  package let rows, columns: [Range<Int>]
  private let height, width, overlap: Int

  /// - Parameters:
  ///   - side: of a window; a map that is no larger is one window.
  ///   - overlap: least width of the strip that neighbours share.
  ///   - isTrimmed: whether windows are made smaller where as many of them cover the map still.
  package init(height: Int, width: Int, side: Int, overlap: Int, isTrimmed: Bool = false) {
    (self.height, self.width, self.overlap) = (height, width, overlap)
    rows = Self.spans(height, side, overlap, isTrimmed)
    columns = Self.spans(width, side, overlap, isTrimmed)
  }

  package var count: Int { rows.count * columns.count }
  /// Height and width of every window.
  package var size: Size { Size(height: rows[0].count, width: columns[0].count) }

  private static func spans(_ length: Int, _ side: Int, _ overlap: Int, _ isTrimmed: Bool) -> [Range<Int>] {
    guard length > side else { return [0..<length] }
    let step = max(side - overlap, 1)
    let count = (length - overlap + step - 1) / step
    let side = isTrimmed ? min((length + (count - 1) * overlap + count - 1) / count, side) : side
    return (0..<count).map { i in
      let start = count > 1 ? i * (length - side) / (count - 1) : 0
      return start..<(start + side)
    }
  }

  /// The result of `body` on every window of `map` `[N, C, h, w]`, blended.
  package func blend(_ map: Tensor, _ body: (Tensor) throws -> Tensor) throws -> Tensor {
    if count == 1 { return try body(map) }
    var result: Tensor?
    try strips({ try body($0.cut(map)) }) { top, strip in
      if result == nil { result = Tensor(zeros: [strip.shape[0], strip.shape[1], height, width]) }
      Region(rows: top..<(top + strip.shape[2]), columns: 0..<width).paste(strip, on: &result!)
    }
    return result!
  }

  /// The result of `body` on every window, blended, in strips of finished rows from top to bottom.
  ///
  /// - Parameters:
  ///   - scale: size of results over windows.
  ///   - body: gives `[N, C, scale h, scale w]` for a window.
  ///   - emit: is called with a strip's first row and its rows `[N, C, n, scale width]`.
  package func strips(
    scale: Int = 1, _ body: (Region) throws -> Tensor, emit: (_ top: Int, _ strip: Tensor) throws -> Void
  ) throws {
    let vertical = Self.weights(rows, height, overlap, scale)
    let horizontal = Self.weights(columns, width, overlap, scale)
    var carried: Tensor?
    for (i, row) in rows.enumerated() {
      var band: Tensor?
      for (j, column) in columns.enumerated() {
        let part = try body(Region(rows: row, columns: column))
        if band == nil { band = Tensor(zeros: [part.shape[0], part.shape[1], row.count * scale, width * scale]) }
        band!.add(part, atColumn: column.lowerBound * scale, vertical[i], horizontal[j])
      }
      if let carried { band!.add(carried) }
      let next = i + 1 < rows.count ? rows[i + 1].lowerBound : height
      let finished = (next - row.lowerBound) * scale
      carried = i + 1 < rows.count ? band!.slice(axis: 2, finished..<(row.count * scale)) : nil
      let strip = band!.slice(axis: 2, 0..<finished)
      band = nil
      try emit(row.lowerBound * scale, strip)
    }
  }

  /// A window's result rises from its edge over the overlap, unless that is the map's own edge. The outermost eighths of
  /// the overlap count for nothing: there a network sees its padding.
  private static func weights(_ spans: [Range<Int>], _ length: Int, _ overlap: Int, _ scale: Int) -> [[Float]] {
    let width = Float(max(overlap * scale, 1))
    var sums = [Float](repeating: 0, count: length * scale)
    var ramps = spans.map { span in
      (0..<(span.count * scale)).map { i in
        let fromStart = span.lowerBound == 0 ? 1 : (Float(i) + 0.5) / width
        let fromEnd = span.upperBound == length ? 1 : (Float(span.count * scale - i) - 0.5) / width
        let t = min(max(min(fromStart, fromEnd) * 4 / 3 - 1 / 6, 1e-4), 1)
        return t * t * (3 - 2 * t)
      }
    }
    for (span, ramp) in zip(spans, ramps) {
      for (i, weight) in ramp.enumerated() { sums[span.lowerBound * scale + i] += weight }
    }
    for (k, span) in spans.enumerated() {
      for i in ramps[k].indices { ramps[k][i] /= sums[span.lowerBound * scale + i] }
    }
    return ramps
  }
}

extension Tensor {
  /// Adds `part`, as high as this, weighted by row and column.
  fileprivate mutating func add(_ part: Tensor, atColumn left: Int, _ vertical: [Float], _ horizontal: [Float]) {
    let lines = shape[0] * shape[1] * shape[2]
    let (rows, width, columns) = (shape[2], shape[3], part.shape[3])
    withMutableElements { out in
      part.withElements { part in
        horizontal.withUnsafeBufferPointer { horizontal in
          for line in 0..<lines {
            let (v, target, source) = (vertical[line % rows], line * width + left, line * columns)
            for j in 0..<columns { out[target + j] += v * horizontal[j] * part[source + j] }
          }
        }
      }
    }
  }

  /// Adds `top`, as wide as this, to the first rows.
  fileprivate mutating func add(_ top: Tensor) {
    let (planes, plane, part) = (shape[0] * shape[1], shape[2] * shape[3], top.shape[2] * top.shape[3])
    withMutableElements { out in
      top.withElements { top in
        for p in 0..<planes { for i in 0..<part { out[p * plane + i] += top[p * part + i] } }
      }
    }
  }
}
