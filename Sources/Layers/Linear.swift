import CKernels
import Tensors

/// y = x Wᵀ + b over the last axis: `[..., inputs]` → `[..., outputs]`.
public struct Linear: Sendable {
  public let inputs, outputs: Int
  private let bias: Tensor
  private let matrix: PackedMatrix

  /// - Parameter reshaping: other shapes in which the file may hold the weight.
  public init(_ p: Parameters, inputs: Int, outputs: Int, bias: Bool = true, reshaping: [[Int]] = []) throws {
    let weight = try p.weights.pending("weight", [outputs, inputs], reshaping: reshaping)
    matrix = try PackedMatrix(inputs: inputs, outputs: outputs, p.policy.matrices) { try p.packed(weight, $0) }
    (self.inputs, self.outputs) = (inputs, outputs)
    self.bias = bias ? try p.tensor("bias", [outputs]) : Tensor(zeros: [outputs])
  }

  /// - Parameter weight: `[outputs, inputs]`.
  public init(weight: Tensor, bias: Tensor?, policy: KernelPolicy) {
    (inputs, outputs) = (weight.shape[1], weight.shape[0])
    self.bias = bias ?? Tensor(zeros: [outputs])
    matrix = PackedMatrix(inputs: inputs, outputs: outputs, policy.matrices) { PackedMemory(weight, $0) }
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    Tensor(shape: outputShape(x)) { write(x, to: $0.baseAddress!, accumulate: false) }
  }

  /// `residual + linear(x)`, written into `residual`'s memory where nothing else holds it.
  public func callAsFunction(_ x: Tensor, onto residual: consuming Tensor) -> Tensor {
    precondition(residual.shape == outputShape(x), "residual \(residual.shape) for \(outputShape(x))")
    residual.withMutableElements { write(x, to: $0.baseAddress!, accumulate: true) }
    return residual
  }

  private func outputShape(_ x: Tensor) -> [Int] {
    precondition(x.shape.last == inputs, "linear layer of \(inputs) inputs applied to \(x.shape)")
    return x.shape.dropLast() + [outputs]
  }

  private func write(_ x: Tensor, to out: UnsafeMutablePointer<Float>, accumulate: Bool) {
    x.withBase { base in
      bias.withBase { matrix.multiply(base, rows: x.count / inputs, bias: $0, to: out, accumulate: accumulate) }
    }
  }
}
