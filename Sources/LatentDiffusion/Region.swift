import Diffusion

/// A rectangle of a picture.
struct Region: Equatable {
  var rows, columns: Range<Int>

  init(rows: Range<Int>, columns: Range<Int>) { (self.rows, self.columns) = (rows, columns) }

  /// All of a picture of `shape` `[N, C, H, W]`.
  init(all shape: [Int]) { self.init(rows: 0..<shape[2], columns: 0..<shape[3]) }

  /// The smallest rectangle about what a mask `[1, 1, H, W]` repaints; nil where it repaints nothing.
  init?(of mask: Tensor) {
    let (h, w) = (mask.shape[2], mask.shape[3])
    var (top, bottom, left, right) = (h, -1, w, -1)
    mask.withElements { mask in
      for y in 0..<h {
        for x in 0..<w where mask[y * w + x] > 0 {
          (top, bottom) = (min(top, y), max(bottom, y))
          (left, right) = (min(left, x), max(right, x))
        }
      }
    }
    guard bottom >= 0 else { return nil }
    self.init(rows: top..<(bottom + 1), columns: left..<(right + 1))
  }

  /// The region with half its size around it, at least `native` pixels a side, as square as the picture allows.
  func withContext(in shape: [Int], native: Int) -> Region {
    let side = max(2 * max(rows.count, columns.count), native)
    return Region(rows: Self.grown(rows, to: side, in: shape[2]), columns: Self.grown(columns, to: side, in: shape[3]))
  }

  private static func grown(_ span: Range<Int>, to length: Int, in limit: Int) -> Range<Int> {
    let length = min(length, limit)
    let centre = (span.lowerBound + span.upperBound) / 2
    let start = min(max(centre - length / 2, 0), limit - length)
    return start..<(start + length)
  }

  func cut(_ picture: Tensor) -> Tensor { picture.slice(axis: 2, rows).slice(axis: 3, columns) }

  /// `picture` with `part` in this region.
  func pasted(_ part: Tensor, on picture: Tensor) -> Tensor {
    var result = picture
    let (h, w) = (picture.shape[2], picture.shape[3])
    result.withMutableElements { out in
      part.withElements { part in
        for plane in 0..<(picture.shape[0] * picture.shape[1]) {
          for (i, row) in rows.enumerated() {
            let source = part.baseAddress! + (plane * rows.count + i) * columns.count
            let target = out.baseAddress! + (plane * h + row) * w + columns.lowerBound
            target.update(from: source, count: columns.count)
          }
        }
      }
    }
    return result
  }
}
