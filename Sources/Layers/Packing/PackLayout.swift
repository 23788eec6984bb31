import CKernels
import Tensors

/// Gives a weight in a layout.
typealias Packing = (PackLayout) throws -> PackedMemory

/// How a kernel wants a weight to lie in memory, and how to write it so.
struct PackLayout: Sendable {
  /// Told in the cache: another layout of the same tensor is another entry.
  let name: String
  let bytes: Int
  /// Writes all bytes.
  let write: @Sendable (UnsafeMutableRawPointer, Tensor) -> Void

  /// Panels of a matrix `[outputs, inputs]`.
  static func matrix(inputs: Int, outputs: Int, _ format: ProductFormat) -> PackLayout {
    switch format {
    case .f32:
      PackLayout(name: "matrix-f32", bytes: ldm_packed_size(inputs, outputs) * 4) { packed, weight in
        weight.withBase { ldm_pack_weight(packed.assumingMemoryBound(to: Float.self), $0, inputs, outputs) }
      }
    case .bf16:
      PackLayout(name: "matrix-bf16", bytes: ldm_packed_bf16_size(inputs, outputs)) { packed, weight in
        weight.withBase { ldm_pack_bf16(packed, $0, inputs, outputs) }
      }
    case .int8:
      PackLayout(name: "matrix-int8", bytes: ldm_packed_int8_size(inputs, outputs)) { packed, weight in
        weight.withBase { ldm_pack_int8(packed, $0, inputs, outputs) }
      }
    }
  }

  /// The same of filters `[outputs, inputs, k, k]`, whose rows become `[k, k, inputs]`: see `PatchProduct`.
  var ofPatches: PackLayout {
    PackLayout(name: "patches-\(name)", bytes: bytes) { packed, weight in write(packed, weight.channelsLast()) }
  }

  /// Panels of 3x3 filters, transformed by Winograd's method.
  static func winograd(_ kind: ldm_winograd_kind, inputs: Int, outputs: Int) -> PackLayout {
    PackLayout(
      name: "winograd\(kind.tile)-\(kind.int16 ? "int16" : "f32")", bytes: ldm_winograd_size(kind, inputs, outputs)
    ) { packed, weight in
      weight.withBase { ldm_winograd_pack(kind, packed, $0, inputs, outputs) }
    }
  }
}
