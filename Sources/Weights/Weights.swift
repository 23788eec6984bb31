import Synchronization
import Tensors

/// The tensors of a model's part under their names; `weights["down_blocks.0"]` is the scope below a name.
public struct Weights: Sendable {
  /// For messages: the file or folder.
  public let source: String
  private let tensors: [String: WeightTensor]
  private let prefix: String
  private let asked: Asked
  private var adapters: (loras: LoRASet, part: String)?

  private final class Asked: Sendable {
    let names = Mutex<Set<String>>([])
  }

  public init(_ tensors: [String: WeightTensor], source: String) {
    (self.tensors, self.source, prefix, asked) = (tensors, source, "", Asked())
  }

  private init(_ parent: Weights, prefix: String) {
    (tensors, source, self.prefix, asked) = (parent.tensors, parent.source, prefix, parent.asked)
    adapters = parent.adapters
  }

  /// The scope `name` below this one.
  public subscript(_ name: String) -> Weights { Weights(self, prefix: prefix + name + ".") }

  /// The same tensors with LoRAs merged into those that are asked for.
  ///
  /// - Parameter part: whose tensors these are: "unet", "text_encoder", "text_encoder_2".
  public func merging(_ loras: LoRASet, part: String) -> Weights {
    var result = self
    result.adapters = (loras, part)
    return result
  }

  /// Numbers in all tensors.
  public var parameterCount: Int { tensors.values.reduce(0) { $0 + $1.count } }

  /// Bytes of all tensors.
  public var byteCount: Int { tensors.values.reduce(0) { $0 + $1.byteCount } }

  /// Shapes of all tensors.
  public var shapes: [String: [Int]] { tensors.mapValues(\.shape) }
  /// Number formats of the tensors that are weights.
  public var types: [ElementType] {
    ElementType.allCases.filter { type in tensors.values.contains { $0.type == type && $0.isWeight } }
  }
  /// All tensors, by name.
  public var all: [String: WeightTensor] { tensors }

  public func contains(_ name: String) -> Bool { tensors[prefix + name] != nil }

  /// The tensor `name`, which must have `shape`.
  ///
  /// - Parameter reshaping: other shapes in which the file may hold the same values.
  /// - Throws: `WeightsError.missing`, `.shape`, `.type`; `.foreign` and `.malformed` for integers with no sound scale.
  public func tensor(_ name: String, _ shape: [Int], reshaping: [[Int]] = []) throws(WeightsError) -> WeightTensor {
    let found = try plain(name, shape, reshaping)
    guard let adapters, let place = LoRASet.Place(found.name) else { return found }
    return try adapters.loras.merged(found, at: place, part: adapters.part)
  }

  /// The same, not read yet.
  public func pending(
    _ name: String, _ shape: [Int], reshaping: [[Int]] = []
  ) throws(WeightsError) -> PendingTensor {
    let found = try plain(name, shape, reshaping)
    guard let adapters, let place = LoRASet.Place(found.name), adapters.loras.change(place, part: adapters.part) else {
      return PendingTensor(found)
    }
    return PendingTensor(found) { () throws(WeightsError) in
      try adapters.loras.merged(found, at: place, part: adapters.part).tensor()
    }
  }

  /// What the LoRAs are that change these tensors; nil without any.
  public var adaptation: String? { adapters?.loras.fingerprint }

  private func plain(
    _ name: String, _ shape: [Int], _ reshaping: [[Int]]
  ) throws(WeightsError) -> WeightTensor {
    let full = prefix + name
    guard let tensor = tensors[full] else { throw .missing(tensor: full, file: source, nearest: nearest(to: full)) }
    guard tensor.shape == shape || reshaping.contains(tensor.shape) else {
      throw .shape(tensor: full, file: source, found: tensor.shape, expected: shape)
    }
    try tensor.checkNumbers(in: source)
    _ = asked.names.withLock { $0.insert(full) }
    return tensor.renamed(full, shape: shape)
  }

  /// Tensors that nothing asked for, without what trainers are known to leave behind.
  public var surplus: [String] {
    let asked = asked.names.withLock { $0 }
    return tensors.keys.filter { !asked.contains($0) && !Self.isHarmless($0) }.sorted()
  }

  /// Buffers and leftovers that no inference reads.
  private static func isHarmless(_ name: String) -> Bool {
    name.hasSuffix("position_ids") || name.hasSuffix("logit_scale") || name.hasPrefix("model_ema.")
      || name.contains("optimizer") || name.hasPrefix("to_logits.") || name.hasSuffix("num_batches_tracked")
  }

  /// The name that shares the longest ending with `name`: a wrong prefix is the usual mistake.
  private func nearest(to name: String) -> String? {
    func shared(_ other: String) -> Int { zip(name.reversed(), other.reversed()).prefix { $0 == $1 }.count }
    let last = name.split(separator: ".").last.map(String.init) ?? name
    let best = tensors.keys.map { (shared($0), $0) }.max { ($0.0, $1.1) < ($1.0, $0.1) }
    return best.flatMap { $0.0 > last.count ? $0.1 : nil }
  }
}
