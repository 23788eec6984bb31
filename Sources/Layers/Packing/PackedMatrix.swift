import CKernels
import Tensors

/// A weight matrix `[outputs, inputs]` packed for products with rows of activations, in one of the formats.
struct PackedMatrix: Sendable {
  let inputs, outputs: Int
  private let format: ProductFormat
  private let memory: PackedMemory

  init(inputs: Int, outputs: Int, _ format: ProductFormat, packing: Packing) rethrows {
    (self.inputs, self.outputs, self.format) = (inputs, outputs, format)
    memory = try packing(.matrix(inputs: inputs, outputs: outputs, format))
  }

  /// out `[rows, outputs]` = x `[rows, inputs]` Wᵀ + bias, onto what out holds where `accumulate`.
  func multiply(
    _ x: UnsafePointer<Float>, rows: Int, bias: UnsafePointer<Float>, to out: UnsafeMutablePointer<Float>,
    accumulate: Bool
  ) {
    multiply(
      ldm_product(
        c: out, a: x, packed: memory.base, bias: bias, ldc: outputs, lda: inputs, m: rows, n: outputs, k: inputs,
        accumulate: accumulate, geglu: false))
  }

  /// out `[rows, outputs / 2]` = value gelu(gate) of rows whose panels hold a vector of values and one of gates.
  func multiplyGEGLU(
    _ x: UnsafePointer<Float>, rows: Int, bias: UnsafePointer<Float>, to out: UnsafeMutablePointer<Float>
  ) {
    multiply(
      ldm_product(
        c: out, a: x, packed: memory.base, bias: bias, ldc: outputs / 2, lda: inputs, m: rows, n: outputs, k: inputs,
        accumulate: false, geglu: true))
  }

  private func multiply(_ product: ldm_product) {
    var product = product
    let done =
      switch format {
      case .f32: ldm_gemm_f32(&product)
      case .bf16: ldm_gemm_bf16(&product)
      case .int8: ldm_gemm_int8(&product)
      }
    precondition(done, "no memory for a product's scratch")
  }
}
