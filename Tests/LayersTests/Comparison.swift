import Layers
import Testing

/// A layer on one input, and the same in plain Swift.
struct Comparison: Sendable, CustomTestStringConvertible {
  let testDescription: String
  /// max |a - b| / max |b| that is allowed.
  let bound: Float
  let run: @Sendable () -> (found: Tensor, expected: Tensor)

  init(_ name: String, _ bound: Float, _ run: @escaping @Sendable () -> (found: Tensor, expected: Tensor)) {
    (testDescription, self.bound, self.run) = (name, bound, run)
  }

  var distance: Float {
    let (found, expected) = run()
    return found.shape == expected.shape ? found.distance(to: expected) : .infinity
  }

  static let all = convolutions + enlargements + linears + gatedUnits + norms + activations + attentions + others
}

/// Evenly distributed numbers in -1...1, the same for a seed on every machine.
func random(_ shape: [Int], seed: UInt64) -> Tensor {
  var state = seed &* 0x9e37_79b9_7f4a_7c15 &+ 1
  return Tensor(shape: shape) { out in
    for i in out.indices {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      out[i] = Float(state >> 40) / Float(1 << 23) - 1
    }
  }
}

/// The values that bf16 holds nearest to these.
func roundedToBF16(_ x: Tensor) -> Tensor {
  x.map { Float(bitPattern: ($0.bitPattern + 0x7fff + ($0.bitPattern >> 16 & 1)) & 0xffff_0000) }
}
