import CKernels
import COneDNN
import Tensors

/// Two-dimensional convolution: `[N, H, W, inputs]` → `[N, H', W', outputs]`.
public struct Conv2d: Sendable {
  private enum Kernel {
    case winograd(ldm_winograd_kind, PackedMemory)
    case product(PackedMatrix)
    case direct(DNNPrimitives<MapShape>)
  }

  struct MapShape: Hashable {
    let n, h, w: Int
    let accumulate: Bool
  }

  public let inputs, outputs: Int
  private let kernel, stride: Int
  private let padding: Padding
  private let bias: Tensor
  private let implementation: Kernel

  /// - Parameter padding: nil pads so that a stride of 1 keeps the size.
  public init(
    _ p: Parameters, inputs: Int, outputs: Int, kernel: Int = 3, stride: Int = 1, padding: Padding? = nil
  ) throws {
    self.init(
      weight: try p.tensor("weight", [outputs, inputs, kernel, kernel]), bias: try p.tensor("bias", [outputs]),
      stride: stride, padding: padding ?? .same(kernel / 2), policy: p.policy)
  }

  /// - Parameter weight: `[outputs, inputs, kernel, kernel]`.
  public init(weight: Tensor, bias: Tensor, stride: Int, padding: Padding, policy: KernelPolicy) {
    let (outputs, inputs, kernel) = (weight.shape[0], weight.shape[1], weight.shape[2])
    (self.inputs, self.outputs, self.kernel, self.stride) = (inputs, outputs, kernel, stride)
    self.padding = padding
    self.bias = bias
    switch policy.convolution(inputs: inputs, outputs: outputs, kernel: kernel, stride: stride, padding: padding) {
    case .winograd(let kind):
      implementation = .winograd(
        kind,
        PackedMemory(bytes: ldm_winograd_size(kind, inputs, outputs)) { packed in
          weight.withBase { ldm_winograd_pack(kind, packed, $0, inputs, outputs) }
        })
    case .product: implementation = .product(PackedMatrix(weight, isHalf: policy.isHalf))
    case .direct:
      implementation = .direct(
        DNNPrimitives(weight: weight, type: policy.dnnType) { map, type in
          var shape = ldm_dnn_conv_shape(
            n: Int64(map.n), h: Int64(map.h), w: Int64(map.w), in: Int64(inputs), out: Int64(outputs),
            kernel: Int64(kernel), stride: Int64(stride), top: Int64(padding.top), left: Int64(padding.left),
            bottom: Int64(padding.bottom), right: Int64(padding.right))
          return ldm_dnn_conv(&shape, type, map.accumulate)
        })
    }
  }

  /// - Parameter offset: `[outputs]`, added to every pixel with the bias (a ResNet block's time embedding).
  public func callAsFunction(_ x: Tensor, offset: Tensor? = nil) -> Tensor {
    let bias = offset.map { $0.reshaped([outputs]) + self.bias } ?? self.bias
    return Tensor(shape: outputShape(x)) { write(x, bias, to: $0.baseAddress!, accumulate: false) }
  }

  /// `residual + conv(x)`, written into `residual`'s memory where nothing else holds it.
  public func callAsFunction(_ x: Tensor, onto residual: consuming Tensor) -> Tensor {
    precondition(residual.shape == outputShape(x), "residual \(residual.shape) for \(outputShape(x))")
    residual.withMutableElements { write(x, bias, to: $0.baseAddress!, accumulate: true) }
    return residual
  }

  /// The convolution of `x` enlarged twofold by nearest neighbour: `[N, h, w, inputs]` → `[N, 2 h, 2 w, outputs]`. By
  /// Winograd's method the enlarged map is never stored, and nearly half of the products drop out.
  public func callAsFunction(enlarged x: Tensor) -> Tensor {
    guard case .winograd = implementation else {
      return self(upsampledNearest(x, height: 2 * x.shape[1], width: 2 * x.shape[2]))
    }
    let shape = [x.shape[0], 2 * x.shape[1], 2 * x.shape[2], outputs]
    return Tensor(shape: shape) { write(x, bias, to: $0.baseAddress!, accumulate: false, enlarge: true) }
  }

  private func outputShape(_ x: Tensor) -> [Int] {
    precondition(x.shape.count == 4 && x.shape[3] == inputs, "convolution of \(inputs) channels applied to \(x.shape)")
    return outputShape(x.shape)
  }

  private func outputShape(_ map: [Int]) -> [Int] {
    [
      map[0], (map[1] + padding.top + padding.bottom - kernel) / stride + 1,
      (map[2] + padding.left + padding.right - kernel) / stride + 1, outputs,
    ]
  }

  private func write(
    _ x: Tensor, _ bias: Tensor, to out: UnsafeMutablePointer<Float>, accumulate: Bool, enlarge: Bool = false
  ) {
    let (n, h, w) = (x.shape[0], x.shape[1], x.shape[2])
    x.withBase { x in
      bias.withBase { bias in
        switch implementation {
        case .winograd(let kind, let packed):
          var call = ldm_convolution(
            out: out, x: x, packed: packed.base, bias: bias, n: n, h: h, w: w, in: inputs, outs: outputs,
            accumulate: accumulate, enlarge: enlarge)
          precondition(ldm_winograd(kind, &call), "no memory for a convolution's scratch")
        case .product(let matrix): matrix.multiply(x, rows: n * h * w, bias: bias, to: out, accumulate: accumulate)
        case .direct(let primitives):
          let pixels = outputShape([n, h, w]).dropLast().reduce(1, *)
          ldm_count_products(UInt64(pixels * outputs * inputs * kernel * kernel))
          primitives.run(MapShape(n: n, h: h, w: w, accumulate: accumulate), out: out, x: x, bias: bias)
        }
      }
    }
  }
}
