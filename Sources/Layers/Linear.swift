import CKernels
import COneDNN
import Tensors

/// y = x Wᵀ + b over the last axis: `[..., inputs]` → `[..., outputs]`.
public struct Linear: Sendable {
  private enum Kernel {
    case product(PackedMemory)
    case dnn(DNNPrimitives<Rows>)
  }

  struct Rows: Hashable {
    let count: Int
    let accumulate: Bool
  }

  public let inputs, outputs: Int
  private let bias: Tensor
  private let implementation: Kernel

  public init(_ p: Parameters, inputs: Int, outputs: Int, bias: Bool = true) throws {
    self.init(
      weight: try p.tensor("weight", [outputs, inputs]), bias: bias ? try p.tensor("bias", [outputs]) : nil,
      policy: p.policy)
  }

  /// - Parameter weight: `[outputs, inputs]`.
  public init(weight: Tensor, bias: Tensor?, policy: KernelPolicy) {
    let (outputs, inputs) = (weight.shape[0], weight.shape[1])
    (self.inputs, self.outputs) = (inputs, outputs)
    self.bias = bias ?? Tensor(zeros: [outputs])
    if policy.precision == .bf16 {
      implementation = .dnn(
        DNNPrimitives(weight: weight, type: policy.dnnType) { rows, type in
          ldm_dnn_matmul(Int64(rows.count), Int64(outputs), Int64(inputs), type, rows.accumulate)
        })
    } else {
      implementation = .product(
        PackedMemory(floats: ldm_packed_size(inputs, outputs)) { packed in
          weight.withBase { ldm_pack(packed, $0, inputs, outputs, 1, inputs) }
        })
    }
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
    let rows = x.count / inputs
    x.withBase { x in
      bias.withBase { bias in
        switch implementation {
        case .product(let packed):
          ldm_gemm(out, outputs, x, inputs, packed.floats, bias, rows, outputs, inputs, accumulate)
        case .dnn(let primitives):
          primitives.run(Rows(count: rows, accumulate: accumulate), out: out, x: x, bias: bias)
        }
      }
    }
  }
}
