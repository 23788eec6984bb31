import Layers

extension Comparison {
  /// Maps and groups; more than 256 pixels are summed in parts. A mean far from zero must not cancel the variance.
  static let norms: [Comparison] =
    [
      ([2, 3, 5, 12], 4, 0), ([1, 17, 16, 8], 2, 0), ([1, 1, 1, 6], 3, 0), ([1, 20, 15, 32], 32, 0),
      ([2, 9, 31, 33], 11, 0), ([1, 16, 17, 10], 5, 100),
    ].flatMap { (shape: [Int], groups: Int, mean: Float) in
      let (weight, bias) = (random([shape[3]], seed: 10), random([shape[3]], seed: 11))
      let x = random(shape, seed: 12) + mean
      let norm = GroupNorm(weight: weight, bias: bias, groups: groups, epsilon: 1e-5)
      let bound: Float = mean == 0 ? 2e-6 : 2e-4
      return [false, true].map { silu in
        Comparison("group norm \(shape), \(groups) groups, mean \(mean)\(silu ? ", SiLU" : "")", bound) {
          let expected = Plain.groupNorm(x, weight, bias, groups: groups, epsilon: 1e-5)
          return (norm(x, silu: silu), silu ? expected.map(Plain.silu) : expected)
        }
      }
    }
    + [([3, 5], 0), ([1, 1], 0), ([37, 16], 0), ([2, 3, 33], 0), ([1, 320], 0), ([17, 20], 100)].map {
      (shape: [Int], mean: Float) in
      Comparison("layer norm \(shape), mean \(mean)", mean == 0 ? 2e-6 : 2e-4) {
        let (weight, bias) = (random([shape.last!], seed: 13), random([shape.last!], seed: 14))
        let x = random(shape, seed: 15) + mean
        let norm = LayerNorm(weight: weight, bias: bias, epsilon: 1e-5)
        return (norm(x), Plain.layerNorm(x, weight, bias, epsilon: 1e-5))
      }
    }

  /// Around zero, and out to where the exponential would overflow; more elements than one task takes.
  static let activations: [Comparison] = [
    (1, 6), (7, 6), (16, 6), (33, 1), (1000, 100), (20_001, 6),
  ].flatMap { (count: Int, reach: Float) in
    let x = random([count], seed: 16) * reach
    let title = "of \(count) in ±\(reach)"
    return [
      Comparison("silu \(title)", 2e-6) { (Activation.silu(x), x.map(Plain.silu)) },
      Comparison("gelu \(title)", 2e-6) { (Activation.gelu(x), x.map(Plain.gelu)) },
      Comparison("quick gelu \(title)", 2e-6) { (Activation.quickGELU(x), x.map(Plain.quickGELU)) },
      Comparison("sum \(title)", 0) { (sum(x, x * 0.3), x + x * 0.3) },
    ]
  }

  static let attentions: [Comparison] =
    [
      ([1, 1, 1, 1, 1], false), ([2, 3, 5, 7, 4], false), ([1, 2, 50, 600, 8], false), ([1, 1, 49, 513, 40], false),
      ([2, 2, 64, 77, 20], false), ([1, 1, 48, 512, 33], false), ([2, 2, 77, 77, 8], true),
      ([1, 1, 530, 530, 5], true), ([1, 2, 100, 481, 7], false),
      ([1, 3, 1, 1, 16], true),
    ].flatMap { (sizes: [Int], causal: Bool) in
      // Scores of ±30 make a softmax that is nearly a choice; without the maximum taken out it would overflow.
      [Float(1), 30].flatMap { reach in
        [false, true].map { half in
          let bound: Float = half ? 1e-2 * reach.squareRoot() : reach == 1 ? 2e-6 : 1e-5
          let name = "attention \(sizes)\(causal ? ", causal" : "")\(half ? ", bf16" : "") times \(reach)"
          return Comparison(name, bound) {
            let (n, heads, queries, keys, d) = (sizes[0], sizes[1], sizes[2], sizes[3], sizes[4])
            let q = random([n, queries, heads * d], seed: 17) * reach
            let (k, v) = (random([n, keys, heads * d], seed: 18), random([n, keys, heads * d], seed: 19))
            return (
              attention(q, k, v, heads: heads, causal: causal, half: half),
              Plain.attention(q, k, v, heads: heads, causal: causal)
            )
          }
        }
      }
    }

  static let others: [Comparison] =
    [[3, 10], [2, 66], [7, 32], [1, 2, 2]].map { shape in
      Comparison("geglu \(shape)", 2e-6) {
        let x = random(shape, seed: 20) * 3
        return (geglu(x), Plain.geglu(x))
      }
    }
    + [(6, 10), (5, 9), (7, 5), (3, 5)].map { (height, width) in
      Comparison("upsampling to \(height) x \(width)", 0) {
        let x = random([2, 3, 5, 4], seed: 21)
        return (
          upsampledNearest(x, height: height, width: width), Plain.upsampledNearest(x, height: height, width: width)
        )
      }
    }
}
