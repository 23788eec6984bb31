import CKernels
import Tensors

/// A convolution of any kernel and stride as a matrix product: each output pixel's patch of the map is a row, the filters
/// are the matrix. It serves where Winograd's method does not: strides, maps of few channels, other kernels.
struct PatchProduct: Sendable {
  private let inputs, outputs, kernel, step: Int
  private let padding: Padding
  private let matrix: PackedMatrix

  /// Bytes of patches at a time, to be read again from the last-level cache.
  private static let strip = 4 << 20

  /// - Parameter packing: of the weight `[outputs, inputs, kernel, kernel]`.
  init(
    inputs: Int, outputs: Int, kernel: Int, stride: Int, padding: Padding, format: ProductFormat, packing: Packing
  ) rethrows {
    (self.inputs, self.outputs, self.kernel, step) = (inputs, outputs, kernel, stride)
    self.padding = padding
    matrix = try PackedMatrix(inputs: kernel * kernel * inputs, outputs: outputs, format) { try packing($0.ofPatches) }
  }

  /// The convolution of x `[n, h, w, inputs]` to out of `shape` `[n, h', w', outputs]`, onto what it holds where `accumulate`.
  func write(
    _ x: UnsafePointer<Float>, h: Int, w: Int, bias: UnsafePointer<Float>, to out: UnsafeMutablePointer<Float>,
    _ shape: [Int], accumulate: Bool
  ) {
    var map = ldm_patches(
      x: x, h: h, w: w, channels: inputs, kernel: kernel, stride: step, top: padding.top, left: padding.left,
      out_h: shape[1], out_w: shape[2])
    let pixels = shape[0] * shape[1] * shape[2]
    let depth = matrix.inputs
    let rows = min(pixels, max(256, Self.strip / (depth * MemoryLayout<Float>.stride)))
    let bytes = rows * depth * MemoryLayout<Float>.stride
    guard let block = ldm_allocate(bytes, false) else { preconditionFailure("no memory for a convolution's scratch") }
    defer { ldm_release(block, bytes) }
    let patches = block.assumingMemoryBound(to: Float.self)
    for first in stride(from: 0, to: pixels, by: rows) {
      let count = min(rows, pixels - first)
      ldm_write_patches(patches, &map, first, count)
      matrix.multiply(patches, rows: count, bias: bias, to: out + first * outputs, accumulate: accumulate)
    }
  }
}
