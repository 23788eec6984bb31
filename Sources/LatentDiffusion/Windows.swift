import Diffusion

/// Overlapping windows, evenly spaced, that cover a map; and the weights by which they are blended.
struct Windows: Sendable {
  let rows, columns: [Range<Int>]
  private let overlap: Int

  /// - Parameters:
  ///   - side: of a window; a map that is no larger is one window.
  ///   - overlap: least width of the strip that neighbours share.
  init(height: Int, width: Int, side: Int, overlap: Int) {
    rows = Self.spans(height, side, overlap)
    columns = Self.spans(width, side, overlap)
    self.overlap = overlap
  }

  var count: Int { rows.count * columns.count }

  private static func spans(_ length: Int, _ side: Int, _ overlap: Int) -> [Range<Int>] {
    guard length > side else { return [0..<length] }
    let step = max(side - overlap, 1)
    let count = (length - overlap + step - 1) / step
    return (0..<count).map { i in
      let start = count > 1 ? i * (length - side) / (count - 1) : 0
      return start..<(start + side)
    }
  }

  /// The result of `body` on every window of `maps` `[N, C, h, w]`, blended; `scale` is the size of results over maps.
  func blend(_ map: Tensor, scale: Int = 1, _ body: (Tensor) throws -> Tensor) throws -> Tensor {
    if count == 1 { return try body(map) }
    var sum: Tensor?
    var weights = [Float](repeating: 0, count: map.shape[2] * scale * map.shape[3] * scale)
    let size = Size(height: map.shape[2] * scale, width: map.shape[3] * scale)
    for row in rows {
      for column in columns {
        let part = try body(map.slice(axis: 2, row).slice(axis: 3, column))
        if sum == nil { sum = Tensor(zeros: [part.shape[0], part.shape[1], size.height, size.width]) }
        let vertical = Self.ramp(row, length: map.shape[2], overlap: overlap, scale: scale)
        let horizontal = Self.ramp(column, length: map.shape[3], overlap: overlap, scale: scale)
        let corner = (row.lowerBound * scale, column.lowerBound * scale)
        sum!.add(part, at: corner, vertical, horizontal)
        for (i, v) in vertical.enumerated() {
          let start = (corner.0 + i) * size.width + corner.1
          for (j, h) in horizontal.enumerated() { weights[start + j] += v * h }
        }
      }
    }
    sum!.divide(by: weights)
    return sum!
  }

  /// Rises from a window's edge over the overlap, unless that is the map's own edge.
  private static func ramp(_ span: Range<Int>, length: Int, overlap: Int, scale: Int) -> [Float] {
    let count = span.count * scale
    let width = Float(max(overlap * scale, 1))
    return (0..<count).map { i in
      let fromStart = span.lowerBound == 0 ? 1 : (Float(i) + 0.5) / width
      let fromEnd = span.upperBound == length ? 1 : (Float(count - i) - 0.5) / width
      let t = min(fromStart, fromEnd, 1)
      return t * t * (3 - 2 * t)
    }
  }
}

extension Tensor {
  /// Adds `part`, weighted by row and column, at `corner` of the last two axes.
  fileprivate mutating func add(_ part: Tensor, at corner: (Int, Int), _ vertical: [Float], _ horizontal: [Float]) {
    let planes = shape[0] * shape[1]
    let (height, width) = (shape[2], shape[3])
    let columns = part.shape[3]
    withMutableElements { out in
      part.withElements { part in
        for plane in 0..<planes {
          for (i, v) in vertical.enumerated() {
            let target = (plane * height + corner.0 + i) * width + corner.1
            let source = (plane * vertical.count + i) * columns
            for j in 0..<columns { out[target + j] += v * horizontal[j] * part[source + j] }
          }
        }
      }
    }
  }

  fileprivate mutating func divide(by weights: [Float]) {
    withMutableElements { out in
      for start in stride(from: 0, to: out.count, by: weights.count) {
        for i in weights.indices { out[start + i] /= weights[i] }
      }
    }
  }
}
