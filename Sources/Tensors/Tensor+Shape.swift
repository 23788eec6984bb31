extension Tensor {
  /// The same elements under another shape.
  public func reshaped(_ shape: [Int]) -> Tensor {
    precondition(shape.reduce(1, *) == count, "\(self.shape) cannot be read as \(shape)")
    return Tensor(shape: shape, storage: storage)
  }

  /// Elements before, along and after `axis`: the three loops of every operation along one axis.
  private func extents(around axis: Int) -> (outer: Int, axis: Int, inner: Int) {
    precondition(shape.indices.contains(axis), "no axis \(axis) in shape \(shape)")
    return (shape[..<axis].reduce(1, *), shape[axis], shape[(axis + 1)...].reduce(1, *))
  }

  /// `range` along `axis`, all of the other axes.
  public func slice(axis: Int, _ range: Range<Int>) -> Tensor {
    let (outer, extent, inner) = extents(around: axis)
    precondition(range.lowerBound >= 0 && range.upperBound <= extent, "\(range) outside 0..<\(extent)")
    var result = shape
    result[axis] = range.count
    let run = range.count * inner
    return Tensor(shape: result) { out in
      withElements { x in
        for o in 0..<outer where run > 0 {
          (out.baseAddress! + o * run).update(
            from: x.baseAddress! + (o * extent + range.lowerBound) * inner, count: run)
        }
      }
    }
  }

  /// The other way round along `axis`.
  public func reversed(axis: Int) -> Tensor {
    let (outer, extent, inner) = extents(around: axis)
    return Tensor(shape: shape) { out in
      withElements { x in
        for i in 0..<(outer * extent) where inner > 0 {
          let opposite = i / extent * extent + extent - 1 - i % extent
          (out.baseAddress! + i * inner).update(from: x.baseAddress! + opposite * inner, count: inner)
        }
      }
    }
  }

  /// The tensors joined along `axis`; their other extents must agree.
  public static func concatenate(_ parts: [Tensor], axis: Int) -> Tensor {
    precondition(!parts.isEmpty, "nothing to concatenate")
    guard parts.count > 1 else { return parts[0] }
    var shape = parts[0].shape
    shape[axis] = parts.reduce(0) { $0 + $1.shape[axis] }
    let (outer, _, inner) = parts[0].extents(around: axis)
    let run = shape[axis] * inner
    return Tensor(shape: shape) { out in
      var offset = 0
      for part in parts {
        let length = part.shape[axis] * inner
        precondition(part.count == outer * length, "cannot join \(part.shape) to \(parts[0].shape) along \(axis)")
        part.withElements { x in
          for o in 0..<outer where length > 0 {
            (out.baseAddress! + o * run + offset).update(from: x.baseAddress! + o * length, count: length)
          }
        }
        offset += length
      }
    }
  }

  /// `count` copies one after another along the first axis.
  public func repeated(_ count: Int) -> Tensor {
    count == 1 ? self : Tensor.concatenate(Array(repeating: self, count: count), axis: 0)
  }

  /// `[N, C, H, W]` → `[N, H, W, C]`: what the networks compute in.
  public func channelsLast() -> Tensor {
    precondition(shape.count == 4, "channelsLast of \(shape)")
    return transposingMiddle(n: shape[0], rows: shape[1], columns: shape[2] * shape[3])
      .reshaped([shape[0], shape[2], shape[3], shape[1]])
  }

  /// `[N, H, W, C]` → `[N, C, H, W]`.
  public func channelsFirst() -> Tensor {
    precondition(shape.count == 4, "channelsFirst of \(shape)")
    return transposingMiddle(n: shape[0], rows: shape[1] * shape[2], columns: shape[3])
      .reshaped([shape[0], shape[3], shape[1], shape[2]])
  }

  /// `[n, rows, columns]` → `[n, columns, rows]`.
  private func transposingMiddle(n: Int, rows: Int, columns: Int) -> Tensor {
    Tensor(shape: [n, columns, rows]) { out in
      withElements { x in
        for i in 0..<n {
          let source = x.baseAddress! + i * rows * columns
          let target = out.baseAddress! + i * rows * columns
          for r in 0..<rows { for c in 0..<columns { target[c * rows + r] = source[r * columns + c] } }
        }
      }
    }
  }
}
