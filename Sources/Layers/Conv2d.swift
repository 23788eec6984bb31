import CKernels
import Tensors

/// Two-dimensional convolution: `[N, H, W, inputs]` → `[N, H', W', outputs]`.
public struct Conv2d: Sendable {
  private enum Kernel {
    case winograd(ldm_winograd_kind, PackedMemory)
    case product(PackedMatrix)
    case patches(PatchProduct)
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
    let weight = try p.weights.pending("weight", [outputs, inputs, kernel, kernel])
    try self.init(
      inputs: inputs, outputs: outputs, kernel: kernel, stride: stride, padding: padding ?? .same(kernel / 2),
      bias: try p.tensor("bias", [outputs]), policy: p.policy, packing: { try p.packed(weight, $0) })
  }

  /// - Parameter weight: `[outputs, inputs, kernel, kernel]`.
  public init(weight: Tensor, bias: Tensor, stride: Int, padding: Padding, policy: KernelPolicy) {
    self.init(
      inputs: weight.shape[1], outputs: weight.shape[0], kernel: weight.shape[2], stride: stride, padding: padding,
      bias: bias, policy: policy, packing: { PackedMemory(weight, $0) })
  }

  private init(
    inputs: Int, outputs: Int, kernel: Int, stride: Int, padding: Padding, bias: Tensor, policy: KernelPolicy,
    packing: Packing
  ) rethrows {
    (self.inputs, self.outputs, self.kernel, self.stride) = (inputs, outputs, kernel, stride)
    self.padding = padding
    self.bias = bias
    switch policy.convolution(inputs: inputs, outputs: outputs, kernel: kernel, stride: stride, padding: padding) {
    case .winograd(let kind):
      implementation = .winograd(kind, try packing(.winograd(kind, inputs: inputs, outputs: outputs)))
    case .product:
      implementation = .product(
        try PackedMatrix(inputs: inputs, outputs: outputs, policy.matrices, packing: packing))
    case .patches:
      implementation = .patches(
        try PatchProduct(
          inputs: inputs, outputs: outputs, kernel: kernel, stride: stride, padding: padding, format: policy.patches,
          packing: packing))
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
        case .patches(let product):
          product.write(x, h: h, w: w, bias: bias, to: out, outputShape([n, h, w]), accumulate: accumulate)
        }
      }
    }
  }
}
