import Layers

extension Comparison {
  private static let single = KernelPolicy(precision: .f32)
  private static let small = KernelPolicy(precision: .f32, winogradLimit: 1)
  private static let direct = KernelPolicy(precision: .f32, winogradLimit: 0)
  private static let half = KernelPolicy(precision: .bf16)
  private static let short = KernelPolicy(precision: .int8)

  private struct Map {
    var n = 1
    let h, w, inputs, outputs: Int
    var kernel = 3
    var stride = 1
    var padding: Padding?
  }

  /// Sizes beside every multiple that a kernel works in: tiles of 4, vectors of 4 to 16, panels of 8 to 32 columns.
  private static let maps = [
    Map(h: 1, w: 1, inputs: 8, outputs: 8), Map(h: 5, w: 7, inputs: 8, outputs: 9),
    Map(n: 2, h: 4, w: 4, inputs: 9, outputs: 17), Map(h: 13, w: 11, inputs: 20, outputs: 33),
    Map(n: 2, h: 6, w: 3, inputs: 40, outputs: 12), Map(h: 8, w: 9, inputs: 4, outputs: 16),
    Map(h: 6, w: 5, inputs: 16, outputs: 3), Map(h: 9, w: 7, inputs: 8, outputs: 12, stride: 2),
    Map(n: 2, h: 8, w: 6, inputs: 5, outputs: 7, stride: 2, padding: Padding(top: 0, left: 0, bottom: 1, right: 1)),
    Map(h: 7, w: 9, inputs: 16, outputs: 16, stride: 2, padding: Padding(top: 0, left: 0, bottom: 1, right: 1)),
    Map(h: 4, w: 6, inputs: 9, outputs: 8, padding: Padding(top: 2, left: 0, bottom: 1, right: 1)),
    Map(h: 3, w: 5, inputs: 7, outputs: 9, kernel: 1), Map(n: 2, h: 4, w: 4, inputs: 64, outputs: 33, kernel: 1),
    Map(h: 5, w: 4, inputs: 6, outputs: 5, kernel: 1, stride: 2), Map(h: 7, w: 6, inputs: 5, outputs: 6, kernel: 5),
  ]

  static let convolutions = maps.flatMap { map in
    [("f32", single, Float(2e-4)), ("small tiles", small, 2e-5), ("direct", direct, 1e-5), ("bf16", half, 1e-2)].flatMap
    {
      convolution(map, $0.0, $0.1, $0.2)
    }
  }

  private static func convolution(_ map: Map, _ name: String, _ policy: KernelPolicy, _ bound: Float) -> [Comparison] {
    let padding = map.padding ?? .same(map.kernel / 2)
    let weight = random([map.outputs, map.inputs, map.kernel, map.kernel], seed: 1)
    let bias = random([map.outputs], seed: 2)
    let x = random([map.n, map.h, map.w, map.inputs], seed: 3)
    let layer = Conv2d(weight: weight, bias: bias, stride: map.stride, padding: padding, policy: policy)
    @Sendable func plain(_ bias: Tensor) -> Tensor {
      Plain.convolution(x, weight, bias, stride: map.stride, padding: padding)
    }
    let title = "convolution \(name) \(map)"
    return [
      Comparison(title, bound) { (layer(x), plain(bias)) },
      Comparison("\(title) and an offset", bound) {
        let offset = random([1, map.outputs], seed: 4)
        return (layer(x, offset: offset), plain(bias + offset.reshaped([map.outputs])))
      },
      Comparison("\(title) onto a residual", bound) {
        let expected = plain(bias)
        let residual = random(expected.shape, seed: 5)
        return (layer(x, onto: residual), expected + residual)
      },
    ]
  }

  static let enlargements = [(1, 1, 8, 8), (5, 7, 9, 20), (4, 6, 17, 33), (3, 3, 6, 5)].flatMap {
    (h, w, inputs, outputs) in
    [("f32", single, Float(2e-4)), ("small tiles", small, 2e-5), ("direct", direct, 1e-5), ("bf16", half, 1e-2)].map {
      (name, policy, bound) in
      let weight = random([outputs, inputs, 3, 3], seed: 1)
      let bias = random([outputs], seed: 2)
      let x = random([2, h, w, inputs], seed: 3)
      let layer = Conv2d(weight: weight, bias: bias, stride: 1, padding: .same(1), policy: policy)
      return Comparison("enlargement \(name) \(h) x \(w), \(inputs) to \(outputs)", bound) {
        let large = Plain.upsampledNearest(x, height: 2 * h, width: 2 * w)
        return (layer(enlarged: x), Plain.convolution(large, weight, bias, stride: 1, padding: .same(1)))
      }
    }
  }

  /// Rows, inputs, width: whole vectors of every level, and not.
  static let gatedUnits = [(1, 5, 16), (13, 33, 48), (97, 64, 32), (3, 8, 10)].flatMap { (rows, inputs, width) in
    [("f32", single, Float(1e-5)), ("bf16", half, 1e-2), ("int8", short, 3e-2)].map { name, policy, bound in
      let weight = random([2 * width, inputs], seed: 23)
      let bias = random([2 * width], seed: 24)
      let x = random([1, rows, inputs], seed: 25)
      return Comparison("gated units \(name) \(rows) rows, \(inputs) to \(width)", bound) {
        (GEGLU(weight: weight, bias: bias, policy: policy)(x), Plain.geglu(Plain.linear(x, weight, bias)))
      }
    }
  }

  /// Rows, inputs, outputs: below and above the blocks of 96 rows, 320 inputs and 16 panels that a product is cut into.
  static let linears = [
    (1, 1, 1), (3, 5, 7), (2, 16, 32), (97, 33, 65), (1, 320, 17), (13, 641, 40), (100, 70, 530),
  ].flatMap { (rows, inputs, outputs) in
    [("f32", single, Float(1e-5)), ("bf16", half, 1e-2), ("int8", short, 3e-2)].flatMap { name, policy, bound in
      let weight = random([outputs, inputs], seed: 6)
      let bias = random([outputs], seed: 7)
      let x = random([1, rows, inputs], seed: 8)
      let title = "linear \(name) \(rows) rows, \(inputs) to \(outputs)"
      return [
        Comparison(title, bound) {
          (Linear(weight: weight, bias: bias, policy: policy)(x), Plain.linear(x, weight, bias))
        },
        Comparison("\(title) without a bias, onto a residual", bound) {
          let residual = random([1, rows, outputs], seed: 9)
          let found = Linear(weight: weight, bias: nil, policy: policy)(x, onto: residual)
          return (found, Plain.linear(x, weight, nil) + residual)
        },
      ]
    }
  }
}
