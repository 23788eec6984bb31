import CKernels
import Foundation
import Tensors

/// Writes safetensors: tensors in the order of their names, the header padded so that the data starts at a multiple of 8.
public enum SafetensorsWriter {
  /// - Parameter type: f32, f16 or bf16.
  public static func encoded(
    _ tensors: [String: Tensor], as type: ElementType = .f32, metadata: [String: String] = [:]
  ) throws -> [UInt8] {
    precondition([.f32, .f16, .bf16].contains(type), "weights are written as f32, f16 or bf16")
    let names = tensors.keys.sorted()
    var result = try header(names.map { ($0, type, tensors[$0]!.shape) }, metadata: metadata)
    result.reserveCapacity(result.count + tensors.values.reduce(0) { $0 + $1.count * type.size })
    for name in names { result += bytes(of: tensors[name]!, as: type) }
    return result
  }

  /// The header's length and the header of tensors that follow in this order, padded to a multiple of 8.
  static func header(
    _ tensors: [(name: String, type: ElementType, shape: [Int])], metadata: [String: String]
  ) throws -> [UInt8] {
    var header: [String: Any] = metadata.isEmpty ? [:] : ["__metadata__": metadata]
    var end = 0
    for (name, type, shape) in tensors {
      let start = end
      end += shape.reduce(type.size, *)
      header[name] = ["dtype": type.rawValue, "shape": shape, "data_offsets": [start, end]] as [String: Any]
    }
    var json = [UInt8](
      try JSONSerialization.data(withJSONObject: header, options: [.sortedKeys, .withoutEscapingSlashes]))
    json += Array(repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
    return withUnsafeBytes(of: UInt64(json.count).littleEndian, Array.init) + json
  }

  static func bytes(of tensor: Tensor, as type: ElementType) -> [UInt8] {
    tensor.withElements { elements in
      guard type != .f32 else { return Array(UnsafeRawBufferPointer(elements)) }
      return [UInt8](unsafeUninitializedCapacity: 2 * elements.count) { out, count in
        count = 2 * elements.count
        guard let source = elements.baseAddress, let target = out.baseAddress else { return }
        type == .f16 ? ldm_f32_to_f16(target, source, elements.count) : ldm_f32_to_bf16(target, source, elements.count)
      }
    }
  }
}
