import CKernels
import Tensors

/// A weight matrix `[outputs, inputs]` packed for products with rows of activations, in f32 or bf16.
struct PackedMatrix: Sendable {
  let inputs, outputs: Int
  private let isHalf: Bool
  private let memory: PackedMemory

  init(inputs: Int, outputs: Int, isHalf: Bool, packing: Packing) rethrows {
    (self.inputs, self.outputs, self.isHalf) = (inputs, outputs, isHalf)
    memory = try packing(.matrix(inputs: inputs, outputs: outputs, isHalf: isHalf))
  }

  /// out `[rows, outputs]` = x `[rows, inputs]` Wᵀ + bias, onto what out holds where `accumulate`.
  func multiply(
    _ x: UnsafePointer<Float>, rows: Int, bias: UnsafePointer<Float>, to out: UnsafeMutablePointer<Float>,
    accumulate: Bool
  ) {
    guard isHalf else {
      ldm_gemm(
        out, outputs, x, inputs, memory.base.assumingMemoryBound(to: Float.self), bias, rows, outputs, inputs,
        accumulate)
      return
    }
    var product = ldm_product(
      c: out, a: x, packed: memory.base, bias: bias, ldc: outputs, lda: inputs, m: rows, n: outputs, k: inputs,
      accumulate: accumulate, geglu: false)
    precondition(ldm_gemm_bf16(&product), "no memory for a product's scratch")
  }

  /// out `[rows, outputs / 2]` = value gelu(gate) of rows whose panels hold a vector of values and one of gates; bf16 only.
  func multiplyGEGLU(
    _ x: UnsafePointer<Float>, rows: Int, bias: UnsafePointer<Float>, to out: UnsafeMutablePointer<Float>
  ) {
    precondition(isHalf, "fused GEGLU exists in bf16")
    var product = ldm_product(
      c: out, a: x, packed: memory.base, bias: bias, ldc: outputs / 2, lda: inputs, m: rows, n: outputs, k: inputs,
      accumulate: false, geglu: true)
    precondition(ldm_gemm_bf16(&product), "no memory for a product's scratch")
  }
}
