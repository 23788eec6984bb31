import Layers
import Testing

@Suite struct LayerTests {
  @Test(arguments: Comparison.all)
  func equalsPlainSwift(_ comparison: Comparison) {
    #expect(comparison.distance <= comparison.bound)
  }

  /// Only then does asking for bf16 save anything.
  @Test func bf16RoundsWhatItMultiplies() {
    let (weight, x) = (random([40, 64], seed: 1), random([9, 64], seed: 2))
    let found = Linear(weight: weight, bias: nil, policy: KernelPolicy(precision: .bf16))(x)
    let rounded = Plain.linear(roundedToBF16(x), roundedToBF16(weight), nil)
    // A CPU without such products computes in f32.
    #expect(min(found.distance(to: rounded), found.distance(to: Plain.linear(x, weight, nil))) < 1e-5)
  }

  /// Two norms, as of a network, of which each finds its own numbers again, and as often as they are asked for.
  @Test func partsAreNormalisedAsTheWhole() {
    let (weight, bias) = (random([12], seed: 3), random([12], seed: 4))
    let norms = [2, 3].map { GroupNorm(weight: weight, bias: bias, groups: $0, epsilon: 1e-5) }
    let x = Tensor.concatenate([random([1, 3, 6, 12], seed: 1), random([1, 5, 6, 12], seed: 2) + 2], axis: 1)
    func network(_ x: Tensor) -> Tensor { norms.reduce(x) { $1($0) } }
    var whole = x
    let statistics = GroupStatistics { whole = network(x) }
    for rows in [0..<3, 2..<8] {
      let part = x.slice(axis: 1, rows)
      #expect(statistics.apply { network(part) }.distance(to: whole.slice(axis: 1, rows)) < 1e-5)
      #expect(network(part).distance(to: whole.slice(axis: 1, rows)) > 0.1)
    }
  }

  @Test func activationsStayFiniteFarOut() {
    let x = Tensor([-1e30, -1000, 1000, 1e30], shape: [4])
    for activation in [Activation.silu, .gelu, .quickGELU] {
      let y = activation(x).elements
      #expect(y[0] <= 0 && y[0] > -1e-8 && y[1] <= 0 && y[1] > -1e-8 && y[2...] == [1000, 1e30])
    }
  }

  @Test func aMaskedFutureHasNoInfluence() {
    let (q, k, v) = (random([1, 60, 8], seed: 1), random([1, 60, 8], seed: 2), random([1, 60, 8], seed: 3))
    var other = v
    other.withMutableElements { for i in (59 * 8)..<(60 * 8) { $0[i] = 1e6 } }
    let (a, b) = (
      attention(q, k, v, heads: 2, causal: true).elements, attention(q, k, other, heads: 2, causal: true).elements
    )
    #expect(a.prefix(59 * 8) == b.prefix(59 * 8))
    #expect(a.suffix(8) != b.suffix(8))
  }

  @Test func aResidualHeldElsewhereIsNotWritten() {
    let residual = random([1, 2, 3], seed: 1)
    let before = residual.elements
    _ = Linear(weight: random([3, 4], seed: 2), bias: nil, policy: KernelPolicy())(
      random([1, 2, 4], seed: 3), onto: residual)
    #expect(residual.elements == before)
  }

  /// t = 500, width 8, from the reference's get_timestep_embedding.
  @Test func timestepsBecomeSinusoids() {
    let cosinesFirst: [Float] = [
      -0.88384926, 0.96496505, 0.2836622, 0.87758255, -0.4677718, -0.26237854, -0.9589243, 0.47942552,
    ]
    let found = sinusoids(timestep: 500, width: 8)
    #expect(found.distance(to: Tensor(cosinesFirst, shape: [1, 8])) < 1e-7)
    let flipped = sinusoids(timestep: 500, width: 8, flip: false).elements
    #expect(Array(flipped[4...]) == Array(found.elements[..<4]))
    #expect(sinusoids(timestep: 3, width: 7)[flat: 6] == 0)
  }
}
