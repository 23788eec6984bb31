import Diffusion

/// Squares spread evenly over a map and set side by side: a small map with as much of everything as the whole has.
package struct Mosaic {
  /// Where each square comes from, and where it is set.
  package let squares: [(source: Region, target: Region)]
  package let size: Size

  /// - Parameters:
  ///   - size: at most.
  ///   - square: side of a square; of a narrower map all of its width.
  package init(of whole: Size, size: Size, square: Int = 8) {
    let (height, width) = (min(square, whole.height), min(square, whole.width))
    let (rows, columns) = (
      max(min(size.height, whole.height) / height, 1), max(min(size.width, whole.width) / width, 1)
    )
    self.size = Size(height: rows * height, width: columns * width)
    func start(_ index: Int, of count: Int, _ length: Int, _ side: Int) -> Int {
      count > 1 ? index * (length - side) / (count - 1) : (length - side) / 2
    }
    func region(_ y: Int, _ x: Int) -> Region { Region(rows: y..<(y + height), columns: x..<(x + width)) }
    squares = (0..<(rows * columns)).map { i in
      let (row, column) = (i / columns, i % columns)
      return (
        region(start(row, of: rows, whole.height, height), start(column, of: columns, whole.width, width)),
        region(row * height, column * width)
      )
    }
  }

  /// - Parameters:
  ///   - scale: of regions and size.
  ///   - part: gives a region, at its size times the scale.
  package func tensor(channels: Int, scale: Int = 1, _ part: (Region) throws -> Tensor) rethrows -> Tensor {
    var result = Tensor(zeros: [1, channels, size.height * scale, size.width * scale])
    for (source, target) in squares {
      target.scaled(by: scale).paste(try part(source.scaled(by: scale)), on: &result)
    }
    return result
  }
}
