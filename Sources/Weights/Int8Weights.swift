import CKernels
import Tensors

/// Weights kept as 8-bit integers: I8 `NAME` q `[rows, ...]` and F32 `NAME_scale` s `[rows, 1, ...]`; W = q s, rounded to f32.
///
/// The names and shapes are those of compressed-tensors (vLLM's files; strategy "channel", symmetric) and of ComfyUI's files
/// with a scale a row. Integers and scales are those that `Precision.int8` makes when it packs W: packed again from q s they
/// come out the same, so a model gives the same pictures in that precision as the file that it was made from.
enum Int8Weights {
  private static let suffix = "_scale"

  static func scaleName(_ name: String) -> String { name + suffix }

  /// Whether `Precision.int8` multiplies by a tensor of the UNet as by 8-bit integers: matrices and 1x1 convolutions of
  /// attention and of skips, but not what a text of another width gives: keys and values, which `KernelPolicy.fine` keeps
  /// from it.
  ///
  /// - Parameters:
  ///   - name: in diffusers' layout, as all of `shapes`.
  ///   - shapes: of all of the UNet's tensors.
  static func areMultiplied(_ name: String, _ shapes: [String: [Int]]) -> Bool {
    let path = name.split(separator: ".")
    guard let shape = shapes[name], shape.count > 1, shape[2...].allSatisfy({ $0 == 1 }), path.last == "weight",
      path.contains("attentions") || path.contains("conv_shortcut")
    else { return false }
    guard let place = path.firstIndex(where: { ["to_k", "to_v"].contains($0) }) else { return true }
    let keys = shapes[(path[..<place] + ["to_k", "weight"]).joined(separator: ".")]
    return keys.map { $0.count < 2 || $0[0] == $0[1] } ?? true
  }

  /// The same tensors, scales joined to the integers that they belong to.
  ///
  /// - Throws: `WeightsError.malformed` for a scale of another length, `.foreign` for integers that are not W's own.
  static func joined(_ tensors: [String: WeightTensor], file: String) throws(WeightsError) -> [String: WeightTensor] {
    var result = tensors
    for (name, integers) in tensors where integers.type == .i8 && integers.scale == nil {
      guard integers.shape.count > 1, integers.count > 0, let scale = tensors[scaleName(name)] else { continue }
      let mark = (name.split(separator: ".").dropLast() + ["comfy_quant"]).joined(separator: ".")
      guard tensors[mark] == nil else {
        throw .foreign(file: file, what: "8-bit integers of rotated weights; give the f16 or bf16 that they came from")
      }
      guard scale.type.isWeight, scale.count == integers.shape[0] else {
        throw .malformed(
          file: file,
          why: "\(scale.name) is \(scale.type.rawValue) \(scale.shape), expected a number for each of "
            + "\(integers.shape[0]) rows of \(name)")
      }
      result[name] = integers.scaled(by: scale.renamed(scale.name, shape: [scale.count]))
      result[scaleName(name)] = nil
    }
    return result
  }

  /// Each row of `values` by its factor.
  static func multiply(_ values: UnsafeMutableBufferPointer<Float>, by factors: Tensor) {
    let width = values.count / max(factors.count, 1)
    factors.withElements { factors in
      for row in factors.indices {
        let factor = factors[row]
        for i in (row * width)..<((row + 1) * width) { values[i] *= factor }
      }
    }
  }

  /// - Returns: of `weight` `[rows, ...]` the integers, row by row, and the scales.
  /// - Throws: `WeightsError.malformed` where it holds infinity.
  static func quantized(
    _ weight: Tensor, named name: String, file: String
  ) throws(WeightsError) -> (values: [Int8], scales: [Float]) {
    let (rows, width) = (weight.shape[0], weight.count / max(weight.shape[0], 1))
    var scales = [Float](repeating: 0, count: rows)
    let values = [Int8](unsafeUninitializedCapacity: weight.count) { out, count in
      count = weight.count
      weight.withElements { weight in
        guard let source = weight.baseAddress, let target = out.baseAddress else { return }
        for row in 0..<rows { scales[row] = ldm_quantize(target + row * width, source + row * width, width) }
      }
    }
    guard scales.allSatisfy(\.isFinite) else { throw .malformed(file: file, why: "\(name) holds infinity") }
    return (values, scales)
  }
}

extension WeightTensor {
  /// - Throws: `WeightsError.type` for numbers that the engine does not compute with, `.foreign` for integers without a
  ///   scale, `.malformed` where a scale is not finite.
  func checkNumbers(in file: String) throws(WeightsError) {
    if type == .i8, scale == nil, shape.count > 1 {
      throw .foreign(
        file: file, what: "\(name) holds 8-bit integers, and no \(Int8Weights.scaleName(name)) is there; fetch it again"
      )
    }
    guard isWeight else { throw .type(tensor: name, file: file, found: type.rawValue) }
    guard let scale else { return }
    guard scale.tensor().withElements({ $0.allSatisfy(\.isFinite) }) else {
      throw .malformed(file: file, why: "\(scale.name) is not finite")
    }
  }
}
