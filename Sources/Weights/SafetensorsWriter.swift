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
    var header: [String: Any] = metadata.isEmpty ? [:] : ["__metadata__": metadata]
    var end = 0
    let names = tensors.keys.sorted()
    for name in names {
      let tensor = tensors[name]!
      let start = end
      end += tensor.count * type.size
      header[name] = ["dtype": type.rawValue, "shape": tensor.shape, "data_offsets": [start, end]] as [String: Any]
    }
    var json = [UInt8](
      try JSONSerialization.data(withJSONObject: header, options: [.sortedKeys, .withoutEscapingSlashes]))
    json += Array(repeating: UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
    var result = withUnsafeBytes(of: UInt64(json.count).littleEndian, Array.init) + json
    result.reserveCapacity(result.count + end)
    for name in names { result += bytes(of: tensors[name]!, as: type) }
    return result
  }

  private static func bytes(of tensor: Tensor, as type: ElementType) -> [UInt8] {
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
