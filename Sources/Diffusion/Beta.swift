import Foundation

/// The beta distribution with both parameters alike.
package struct Beta {
  private let a: Double
  /// B(a, a).
  private let normalizer: Double

  package static func symmetric(_ a: Double) -> Beta {
    Beta(a: a, normalizer: exp(2 * Foundation.lgamma(a) - Foundation.lgamma(2 * a)))
  }

  /// x with cumulative probability `p`, by bisection to double precision.
  package func quantile(_ p: Double) -> Double {
    guard p > 0 else { return 0 }
    guard p < 1 else { return 1 }
    // The upper half from the lower by symmetry: near 0 doubles are denser than near 1.
    guard p <= 0.5 else { return 1 - quantile(1 - p) }
    var (low, high) = (0.0, 0.5)
    for _ in 0..<200 where low < high {
      let middle = (low + high) / 2
      if middle == low || middle == high { break }
      if cumulative(middle) < p { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }

  /// I_x(a, a) for x <= 1/2: xᵃ/B Σₙ (1-a)ₙ/n! xⁿ/(a+n). DLMF 8.17.7.
  private func cumulative(_ x: Double) -> Double {
    var (term, sum) = (1.0, 1 / a)
    for n in 1..<500 {
      term *= (Double(n) - a) / Double(n) * x
      let next = term / (a + Double(n))
      sum += next
      if next < 1e-17 * sum { break }
    }
    return pow(x, a) * sum / normalizer
  }
}
