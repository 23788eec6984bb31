import Diffusion

extension Tensor {
  /// Every row, along the last axis, divided by its length; rows of zeros stay.
  func normalizedRows() -> Tensor {
    let width = shape[shape.count - 1]
    return Tensor(shape: shape) { out in
      withElements { x in
        for start in stride(from: 0, to: x.count, by: width) {
          let row = start..<(start + width)
          let length = x[row].reduce(Float(0)) { $0 + $1 * $1 }.squareRoot()
          for i in row { out[i] = x[i] / max(length, 1e-12) }
        }
      }
    }
  }
}
