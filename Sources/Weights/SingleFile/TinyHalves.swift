import Foundation

/// TAESD as its author publishes it: `taesd_encoder` and `taesd_decoder`, two files, each the layers of a chain by number; or
/// both in one file, each below its name.
enum TinyHalves {
  private enum Half: String { case encoder, decoder }

  /// The file with the names that diffusers' `AutoencoderTiny` has, its other half taken from beside it; any other file as it is.
  ///
  /// - Throws: `CheckpointError.family` where there is no other half.
  static func joined(_ file: TensorFile) throws -> TensorFile {
    let both = [Half.encoder, .decoder].map { renamed(file, $0, below: "taesd_\($0).") }
    if both.allSatisfy({ !$0.isEmpty }) { return file.holding(both[0].merging(both[1]) { first, _ in first }) }
    guard let half = half(file) else { return file }
    let other: Half = half == .encoder ? .decoder : .encoder
    let url = URL(fileURLWithPath: file.path)
    let name = url.lastPathComponent.replacingOccurrences(of: half.rawValue, with: other.rawValue)
    let path = url.deletingLastPathComponent().appendingPathComponent(name).path
    guard name != url.lastPathComponent, FileManager.default.fileExists(atPath: path) else {
      throw CheckpointError.family(
        file.path, found: "the \(half) of a TAESD alone; put taesd_encoder and taesd_decoder side by side")
    }
    let found = try TensorFile(at: path)
    guard self.half(found) == other else { throw CheckpointError.family(path, found: "not the \(other) of a TAESD") }
    return file.holding(renamed(file, half).merging(renamed(found, other)) { first, _ in first })
  }

  /// By the convolution at the picture's end of each, and a block behind it.
  private static func half(_ file: TensorFile) -> Half? {
    func shape(_ name: String) -> [Int]? { file.tensors[name]?.shape }
    if shape("0.weight")?.dropFirst().first == 3, shape("1.conv.0.weight") != nil { return .encoder }
    if shape("1.weight")?.count == 4, shape("3.conv.0.weight") != nil, shape("0.weight") == nil { return .decoder }
    return nil
  }

  /// The decoder's first layer bends latents and has no weights; diffusers does not count it.
  private static func renamed(_ file: TensorFile, _ half: Half, below prefix: String = "") -> [String: WeightTensor] {
    let first = half == .encoder ? 0 : 1
    var result: [String: WeightTensor] = [:]
    for (name, tensor) in file.tensors where name.hasPrefix(prefix) {
      let parts = name.dropFirst(prefix.count).split(separator: ".", maxSplits: 1)
      guard parts.count == 2, let layer = Int(parts[0]) else { continue }
      let full = "\(half).layers.\(layer - first).\(parts[1])"
      result[full] = tensor.renamed(full)
    }
    return result
  }
}

extension TensorFile {
  /// The same file with these for its tensors.
  func holding(_ tensors: [String: WeightTensor]) -> TensorFile {
    TensorFile(
      path: path, format: format, tensors: tensors, metadata: metadata, numbers: numbers, byteCount: byteCount)
  }
}
