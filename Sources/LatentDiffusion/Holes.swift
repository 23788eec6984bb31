import Diffusion

/// What a mask repaints, in groups that are worked on one by one: holes far apart each get a window of their own.
///
/// Two pixels are of one hole when a chain of neighbouring cells, each with a pixel to repaint, leads from one to the other.
package struct Holes {
  /// The smallest rectangle about each group.
  package private(set) var groups: [Region] = []
  private let cell: Int
  private let across: Int
  /// Group of each cell; -1 where nothing is repainted.
  private var groupOfCell: [Int]

  /// - Parameters:
  ///   - mask: `[1, 1, H, W]`, above 0 repaints.
  ///   - native: side in pixels of the pictures that the model knows.
  package init(of mask: Tensor, native: Int) {
    var cell = 16
    var found = Self(cellsOf: mask, cell: cell)
    // Dust is not worth a window for each grain.
    while found.groups.count > 64 {
      cell *= 2
      found = Self(cellsOf: mask, cell: cell)
    }
    found.join(in: mask.shape, native: native)
    self = found
  }

  /// Everything as one group.
  init(whole mask: Tensor) {
    self.init(cellsOf: mask, cell: max(mask.shape[2], mask.shape[3]))
    if !groups.isEmpty { groups = [Region(all: mask.shape)] }
  }

  private init(cellsOf mask: Tensor, cell: Int) {
    let (h, w) = (mask.shape[2], mask.shape[3])
    let down = (h + cell - 1) / cell
    across = (w + cell - 1) / cell
    self.cell = cell
    groupOfCell = Array(repeating: -1, count: down * across)
    let across = across
    var boxes = [Region?](repeating: nil, count: groupOfCell.count)
    mask.withElements { mask in
      for y in 0..<h {
        for x in 0..<w where mask[y * w + x] > 0 {
          let place = y / cell * across + x / cell
          let own = Region(rows: y..<(y + 1), columns: x..<(x + 1))
          boxes[place] = boxes[place]?.union(own) ?? own
        }
      }
    }
    for start in boxes.indices where boxes[start] != nil && groupOfCell[start] < 0 {
      groups.append(boxes[start]!)
      var open = [start]
      groupOfCell[start] = groups.count - 1
      while let place = open.popLast() {
        groups[groups.count - 1] = groups.last!.union(boxes[place]!)
        let (row, column) = (place / across, place % across)
        for i in max(row - 1, 0)...min(row + 1, down - 1) {
          for j in max(column - 1, 0)...min(column + 1, across - 1) {
            let neighbour = i * across + j
            guard boxes[neighbour] != nil, groupOfCell[neighbour] < 0 else { continue }
            groupOfCell[neighbour] = groups.count - 1
            open.append(neighbour)
          }
        }
      }
    }
  }

  /// Joins groups where one window shows both hardly smaller than their own windows would.
  private mutating func join(in shape: [Int], native: Int) {
    func side(_ region: Region) -> Int { region.withContext(in: shape, native: native).side }
    var i = 0
    while i < groups.count {
      let partner = groups.indices.first { j in
        guard j > i else { return false }
        return 4 * side(groups[i].union(groups[j])) <= 5 * max(side(groups[i]), side(groups[j]))
      }
      guard let j = partner else {
        i += 1
        continue
      }
      groups[i] = groups[i].union(groups[j])
      groups.remove(at: j)
      for place in groupOfCell.indices {
        if groupOfCell[place] == j { groupOfCell[place] = i }
        if groupOfCell[place] > j { groupOfCell[place] -= 1 }
      }
      i = 0
    }
  }

  /// The mask of `region` with what is of other groups left out, `[1, 1, h, w]`.
  package func mask(_ mask: Tensor, of group: Int, in region: Region) -> Tensor {
    var part = region.cut(mask)
    let w = region.columns.count
    part.withMutableElements { out in
      for i in out.indices where out[i] > 0 {
        let (y, x) = (region.rows.lowerBound + i / w, region.columns.lowerBound + i % w)
        if groupOfCell[y / cell * across + x / cell] != group { out[i] = 0 }
      }
    }
    return part
  }
}
