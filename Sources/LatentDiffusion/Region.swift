import Diffusion

/// A rectangle of a picture.
package struct Region: Equatable, Sendable {
  package var rows, columns: Range<Int>

  package init(rows: Range<Int>, columns: Range<Int>) { (self.rows, self.columns) = (rows, columns) }

  /// All of a picture of `shape` `[N, C, H, W]`.
  package init(all shape: [Int]) { self.init(rows: 0..<shape[2], columns: 0..<shape[3]) }

  /// Length of the longer side.
  package var side: Int { max(rows.count, columns.count) }

  /// The smallest rectangle about both.
  package func union(_ other: Region) -> Region {
    Region(
      rows: min(rows.lowerBound, other.rows.lowerBound)..<max(rows.upperBound, other.rows.upperBound),
      columns: min(columns.lowerBound, other.columns.lowerBound)..<max(columns.upperBound, other.columns.upperBound))
  }

  /// The region with half its size around it, at least `native` pixels a side, as square as the picture allows.
  package func withContext(in shape: [Int], native: Int) -> Region {
    let side = max(2 * max(rows.count, columns.count), native)
    return Region(rows: Self.grown(rows, to: side, in: shape[2]), columns: Self.grown(columns, to: side, in: shape[3]))
  }

  /// The region and as much on each side as there is of `margin`.
  func widened(by margin: Int, in shape: [Int]) -> Region {
    func widened(_ span: Range<Int>) -> Range<Int> { span.lowerBound - margin..<span.upperBound + margin }
    return Region(rows: widened(rows), columns: widened(columns)).clamped(to: Size(height: shape[2], width: shape[3]))
  }

  /// What of the region lies within a picture.
  func clamped(to size: Size) -> Region {
    Region(rows: rows.clamped(to: 0..<size.height), columns: columns.clamped(to: 0..<size.width))
  }

  func scaled(by factor: Int) -> Region { Region(rows: rows.scaled(by: factor), columns: columns.scaled(by: factor)) }

  private static func grown(_ span: Range<Int>, to length: Int, in limit: Int) -> Range<Int> {
    let length = min(length, limit)
    let centre = (span.lowerBound + span.upperBound) / 2
    let start = min(max(centre - length / 2, 0), limit - length)
    return start..<(start + length)
  }

  package func cut(_ picture: Tensor) -> Tensor { picture.slice(axis: 2, rows).slice(axis: 3, columns) }

  /// Puts `part` `[N, C, rows, columns]` into this region of `picture`.
  package func paste(_ part: Tensor, on picture: inout Tensor) {
    let (planes, h, w) = (picture.shape[0] * picture.shape[1], picture.shape[2], picture.shape[3])
    picture.withMutableElements { out in
      part.withElements { part in
        for plane in 0..<planes {
          for (i, row) in rows.enumerated() {
            let source = part.baseAddress! + (plane * rows.count + i) * columns.count
            let target = out.baseAddress! + (plane * h + row) * w + columns.lowerBound
            target.update(from: source, count: columns.count)
          }
        }
      }
    }
  }
}
