import CKernels
import Tensors

/// value · gelu(gate) of a linear layer's rows `[value | gate]`: `[..., inputs]` → `[..., width]` (Shazeer 2020, arXiv
/// 2002.05202). The gate is applied while the sums are in registers: the wide rows are never stored.
public struct GEGLU: Sendable {
  private enum Kernel {
    case fused(PackedMatrix, bias: Tensor)
    case plain(Linear)
  }

  private let inputs, width: Int
  private let kernel: Kernel

  public init(_ p: Parameters, inputs: Int, width: Int) throws {
    let weight = try p.weights.pending("weight", [2 * width, inputs])
    try self.init(inputs: inputs, bias: try p.tensor("bias", [2 * width]), policy: p.policy) {
      try p.packed(weight, $0)
    } plain: {
      try Linear(p, inputs: inputs, outputs: 2 * width)
    }
  }

  /// - Parameters:
  ///   - weight: `[2 width, inputs]`, the rows of the values first.
  ///   - bias: `[2 width]`.
  public init(weight: Tensor, bias: Tensor, policy: KernelPolicy) {
    self.init(inputs: weight.shape[1], bias: bias, policy: policy) {
      PackedMemory(weight, $0)
    } plain: {
      Linear(weight: weight, bias: bias, policy: policy)
    }
  }

  private init(
    inputs: Int, bias: Tensor, policy: KernelPolicy, packing: Packing, plain: () throws -> Linear
  ) rethrows {
    (self.inputs, width) = (inputs, bias.count / 2)
    let format = policy.matrices
    guard width % ldm_vector_width() == 0 else {
      kernel = .plain(try plain())
      return
    }
    let matrix = try PackedMatrix(inputs: inputs, outputs: bias.count, format) { panels in
      // A vector of values and one of gates in each.
      try packing(
        PackLayout(name: "geglu-\(format)", bytes: panels.bytes) { panels.write($0, Self.interleaved($1)) })
    }
    kernel = .fused(matrix, bias: Self.interleaved(bias.reshaped([bias.count, 1])).reshaped(bias.shape))
  }

  /// Rows in turn: a vector of values, a vector of gates.
  private static func interleaved(_ rows: Tensor) -> Tensor {
    let vector = ldm_vector_width()
    let (half, length) = (rows.shape[0] / 2, rows.shape[1])
    return Tensor(shape: rows.shape) { out in
      rows.withBase { rows in
        for i in 0..<half {
          let target = out.baseAddress! + (i / vector * 2 * vector + i % vector) * length
          target.update(from: rows + i * length, count: length)
          (target + vector * length).update(from: rows + (half + i) * length, count: length)
        }
      }
    }
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    precondition(x.shape.last == inputs, "GEGLU of \(inputs) inputs applied to \(x.shape)")
    switch kernel {
    case .plain(let linear): return geglu(linear(x))
    case .fused(let matrix, let bias):
      return Tensor(shape: x.shape.dropLast() + [width]) { out in
        x.withBase { base in
          bias.withBase { matrix.multiplyGEGLU(base, rows: x.count / inputs, bias: $0, to: out.baseAddress!) }
        }
      }
    }
  }
}
