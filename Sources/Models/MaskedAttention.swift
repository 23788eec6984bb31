import Foundation
import Layers

/// Causal attention that does not see some keys: softmax(q kᵀ / √d) v over those before a query, itself among them, that are
/// not hidden. For short texts that are read rarely: plain loops.
///
/// - Parameters:
///   - q, k, v: `[1, T, heads · d]`.
///   - hidden: of each key; the first must be seen.
func attention(_ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, hiding hidden: [Bool]) -> Tensor {
  let (length, width) = (q.shape[1], q.shape[2])
  precondition(q.shape[0] == 1 && hidden.count == length && !hidden[0], "a mask of \(hidden.count) for \(q.shape)")
  let d = width / heads
  let scale = 1 / Float(d).squareRoot()
  return Tensor(shape: q.shape) { out in
    q.withElements { q in
      k.withElements { k in
        v.withElements { v in
          for row in 0..<length {
            let seen = (0...row).filter { !hidden[$0] }
            for head in 0..<heads {
              let column = head * d
              let scores = seen.map { key in
                (0..<d).reduce(Float(0)) { $0 + q[row * width + column + $1] * k[key * width + column + $1] } * scale
              }
              let highest = scores.max()!
              let shares = scores.map { exp($0 - highest) }
              let sum = shares.reduce(0, +)
              for i in 0..<d {
                out[row * width + column + i] =
                  zip(seen, shares).reduce(Float(0)) { $0 + $1.1 * v[$1.0 * width + column + i] } / sum
              }
            }
          }
        }
      }
    }
  }
}
