import CKernels
import Foundation
import Tensors

/// Adaptations that go by the layer's own weights W `[outputs, inputs, area]`, or are added as they stand.
///
/// - Whole differences (LyCORIS "full", "norm"): Δ as stored.
/// - (IA)³ (Liu et al. 2022, arXiv:2205.05638): W ⊙ (1 + s w), w by output or by input channel.
/// - GLoRA (Chavan et al. 2023, arXiv:2306.07967): (α/r) (W A₁A₂ + B₁B₂), A over the input channels.
/// - OFT (Qiu et al. 2023, arXiv:2306.07280): s (R - 1)ᵀ W in blocks of rows, R = (1 + Q)(1 - Q)⁻¹, Q = q - qᵀ, no longer than
///   α outputs; then rows stretched.
extension LoRA.Module {
  /// What is to be added to `weight`; nil for adaptations of another kind; empty where shapes do not fit.
  func product(
    with weight: Tensor, _ outputs: Int, _ columns: Int, _ strength: Double, inputs: Int
  ) -> Tensor? {
    let misfit = Tensor(zeros: [0])
    guard outputs > 0, inputs > 0 else { return nil }
    if let difference = tensors[.difference] {
      return difference.count == weight.count ? Float(strength) * difference.tensor() : misfit
    }
    if let scale = tensors[.scale], let byInput = scalesInputs {
      guard scale.count == (byInput ? inputs : outputs) else { return misfit }
      return scaled(weight, scale.tensor(), strength, byInput, columns, area: columns / inputs)
    }
    if let blocks = tensors[.rotation] {
      guard blocks.shape.count == 3, blocks.shape[1] == blocks.shape[2], blocks.shape[1] > 0,
        blocks.shape[0] * blocks.shape[1] == outputs, tensors[.rescale].map({ $0.count == outputs }) ?? true
      else { return misfit }
      return rotated(weight, blocks.tensor(), columns, strength)
    }
    guard let a1 = tensors[.gloraA1], let a2 = tensors[.gloraA2], let b1 = tensors[.gloraB1],
      let b2 = tensors[.gloraB2]
    else { return nil }
    guard let rank = a2.shape.first, rank > 0, a1.count == inputs * rank, a2.count == rank * inputs,
      let (b, c, inner) = pair(b1, b2, core: tensors[.gloraBCore], transposes: false),
      b.count == outputs * inner, c.count == inner * columns
    else { return misfit }
    let factor = factor(alpha == 0 ? nil : rank, strength)
    var half = Tensor(zeros: [weight.count / inputs, rank])
    let rows = Self.exchanged(weight, outputs, inputs, columns / inputs)
    Self.multiply(rows, a1.tensor(), inputs, onto: &half)
    var product = Tensor(zeros: [weight.count / inputs, inputs])
    Self.multiply(half * factor, a2.tensor(), rank, onto: &product)
    var sum = Self.exchanged(product, outputs, columns / inputs, inputs)
    Self.multiply(b * factor, c, inner, onto: &sum)
    return sum
  }

  private func scaled(
    _ weight: Tensor, _ scale: Tensor, _ strength: Double, _ byInput: Bool, _ columns: Int, area: Int
  ) -> Tensor {
    Tensor(shape: weight.shape) { out in
      weight.withElements { w in
        scale.withElements { scale in
          for i in out.indices {
            out[i] = w[i] * Float(strength) * scale[byInput ? i % columns / area : i / columns]
          }
        }
      }
    }
  }

  private func rotated(_ weight: Tensor, _ blocks: Tensor, _ columns: Int, _ strength: Double) -> Tensor {
    let (count, size) = (blocks.shape[0], blocks.shape[1])
    let outputs = count * size
    // Q of all blocks, as its length counts as one.
    var q = blocks.elements.map(Double.init)
    for block in 0..<count {
      for i in 0..<size {
        for j in 0...i {
          let (a, b) = (block * size * size + i * size + j, block * size * size + j * size + i)
          (q[a], q[b]) = (q[a] - q[b], q[b] - q[a])
        }
      }
    }
    let (length, bound) = (q.reduce(0) { $0 + $1 * $1 }.squareRoot() + 1e-8, (alpha ?? 0) * Double(outputs))
    if bound > 0, length > bound { for i in q.indices { q[i] *= bound / length } }
    let stretch = tensors[.rescale]?.tensor().elements
    return Tensor(shape: weight.shape) { out in
      weight.withElements { w in
        for block in 0..<count {
          let turn = Self.cayley(Array(q[(block * size * size)..<((block + 1) * size * size)]), size)
          for m in 0..<size {
            let row = block * size + m
            let target = out.baseAddress! + row * columns
            for column in 0..<columns { target[column] = 0 }
            for n in 0..<size {
              let factor = Float(strength * (turn[n * size + m] - (n == m ? 1 : 0)))
              let source = w.baseAddress! + (block * size + n) * columns
              for column in 0..<columns { target[column] += factor * source[column] }
            }
            guard let by = stretch?[row] else { continue }
            for column in 0..<columns {
              target[column] = by * target[column] + (by - 1) * w[row * columns + column]
            }
          }
        }
      }
    }
  }

  /// (1 + Q)(1 - Q)⁻¹ of a skew-symmetric Q `[n, n]`, for which 1 - Q can always be inverted.
  private static func cayley(_ q: [Double], _ n: Int) -> [Double] {
    // R (1 - Q) = 1 + Q, transposed: (1 + Q) Rᵀ = 1 - Q. Gauss's elimination with the largest pivot.
    var left = q, right = q.map { -$0 }
    for i in 0..<n {
      left[i * n + i] += 1
      right[i * n + i] += 1
    }
    for column in 0..<n {
      let pivot = (column..<n).max { abs(left[$0 * n + column]) < abs(left[$1 * n + column]) }!
      for j in 0..<n where pivot != column {
        left.swapAt(pivot * n + j, column * n + j)
        right.swapAt(pivot * n + j, column * n + j)
      }
      for row in 0..<n where row != column {
        let factor = left[row * n + column] / left[column * n + column]
        guard factor != 0 else { continue }
        for j in column..<n { left[row * n + j] -= factor * left[column * n + j] }
        for j in 0..<n { right[row * n + j] -= factor * right[column * n + j] }
      }
    }
    var result = right
    for i in 0..<n { for j in 0..<n { result[j * n + i] = right[i * n + j] / left[i * n + i] } }
    return result
  }

  /// `[rows, a, b]` with its last two axes exchanged.
  private static func exchanged(_ x: Tensor, _ rows: Int, _ a: Int, _ b: Int) -> Tensor {
    guard a > 1, b > 1 else { return x }
    return Tensor(shape: [rows, b, a]) { out in
      x.withElements { x in
        for row in 0..<rows {
          for i in 0..<a { for j in 0..<b { out[(row * b + j) * a + i] = x[(row * a + i) * b + j] } }
        }
      }
    }
  }
}
