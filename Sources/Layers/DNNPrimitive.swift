import COneDNN
import Foundation
import Tensors

/// A layer's oneDNN primitives, one for each shape it has met, and its weights in the layout they want.
///
/// Making a primitive takes milliseconds, so they are kept. All shapes of a layer nearly always want one layout of the
/// weights; where one does not, the weights are packed again for it.
final class DNNPrimitives<Shape: Hashable & Sendable>: @unchecked Sendable {
  private struct Entry {
    let primitive: OpaquePointer
    let packed: PackedMemory
  }

  private let weight: @Sendable () -> Tensor
  private let make: @Sendable (Shape, ldm_dnn_type) -> OpaquePointer?
  private let type: ldm_dnn_type
  /// Guards `entries`; also held while a primitive runs: one is not to run twice at a time.
  private let lock = NSLock()
  private var entries: [Shape: Entry] = [:]

  /// - Parameter weight: read whenever a layout of it is made, not kept beside it.
  init(
    weight: @escaping @Sendable () -> Tensor, type: ldm_dnn_type,
    make: @escaping @Sendable (Shape, ldm_dnn_type) -> OpaquePointer?
  ) {
    self.weight = weight
    self.type = type
    self.make = make
  }

  deinit { for entry in entries.values { ldm_dnn_free(entry.primitive) } }

  func run(_ shape: Shape, out: UnsafeMutablePointer<Float>, x: UnsafePointer<Float>, bias: UnsafePointer<Float>) {
    lock.withLock {
      let entry = entries[shape] ?? makeEntry(shape)
      entries[shape] = entry
      precondition(ldm_dnn_run(entry.primitive, out, x, entry.packed.base, bias), "oneDNN failed to run \(shape)")
    }
  }

  private func makeEntry(_ shape: Shape) -> Entry {
    // bf16 needs instructions that a CPU may lack; f32 always exists.
    guard let primitive = make(shape, type) ?? make(shape, LDM_DNN_F32) else {
      preconditionFailure("oneDNN has no primitive for \(shape)")
    }
    if let other = entries.values.first(where: { ldm_dnn_same_layout(primitive, $0.primitive) }) {
      return Entry(primitive: primitive, packed: other.packed)
    }
    let packed = PackedMemory(bytes: ldm_dnn_packed_size(primitive)) { packed in
      precondition(weight().withBase { ldm_dnn_pack(primitive, packed, $0) }, "oneDNN failed to pack weights")
    }
    return Entry(primitive: primitive, packed: packed)
  }
}
