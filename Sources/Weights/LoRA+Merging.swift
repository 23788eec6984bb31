import Synchronization
import Tensors

/// The LoRAs that a model is loaded with: merged in f32 into each tensor that a network asks for, so that the network is an
/// ordinary one after.
public final class LoRASet: Sendable {
  private let loras: [LoRA]
  private let used = Mutex<Set<String>>([])

  public init(_ loras: [LoRA]) { self.loras = loras }

  /// Tells this set from any other; nil where it is empty.
  var fingerprint: String? { loras.isEmpty ? nil : loras.map(\.fingerprint).joined(separator: ", ") }

  /// A layer of a model, by its name in diffusers' layout, and which of its tensors.
  struct Place {
    var layer: String
    var isBias: Bool

    /// nil for tensors that adaptations do not know.
    init?(_ tensor: String) {
      guard let dot = tensor.lastIndex(of: "."), ["weight", "bias"].contains(tensor[tensor.index(after: dot)...]) else {
        return nil
      }
      (layer, isBias) = (String(tensor[..<dot]), tensor.hasSuffix("bias"))
    }
  }

  /// Whether any of them changes what is at `place` in `part`; it then counts as used.
  func change(_ place: Place, part: String) -> Bool { !modules(at: place, part: part).isEmpty }

  /// The modules that change what is at `place`, one of a LoRA; they then count as used.
  private func modules(at place: Place, part: String) -> [(lora: LoRA, name: String, module: LoRA.Module)] {
    let names = LoRANames.candidates(place.layer, part: part)
    return loras.enumerated().compactMap { index, lora in
      for name in names {
        guard let module = lora.modules[name], place.isBias ? module.changesBias : module.changesWeight else {
          continue
        }
        used.withLock { _ = $0.insert("\(index) \(name)") }
        return (lora, name, module)
      }
      return nil
    }
  }

  /// `tensor` at `place` in `part` ("unet", "text_encoder"), with what each LoRA adds to it.
  func merged(_ tensor: WeightTensor, at place: Place, part: String) throws(WeightsError) -> WeightTensor {
    let changes = modules(at: place, part: part)
    guard !changes.isEmpty else { return tensor }
    var sum = tensor.tensor()
    for (lora, name, module) in changes {
      let strength = part.hasPrefix("text_encoder") ? lora.textStrength : lora.strength
      if place.isBias {
        try module.add(toBias: &sum, strength, lora.file, name)
      } else {
        try module.add(to: &sum, shape: tensor.shape, strength, lora.file, name)
      }
    }
    return tensor.holding(sum)
  }

  /// What a user should know once all parts are loaded: tensors of the files that are not understood, and layers that the
  /// model does not have.
  ///
  /// - Throws: `WeightsError.adapter` where a file changed nothing: it was made for another family.
  public func warnings(for model: String) throws(WeightsError) -> [String] {
    let used = used.withLock { $0 }
    var result: [String] = []
    for (index, lora) in loras.enumerated() {
      if let first = lora.unknown.first {
        result.append("\(lora.file): \(lora.unknown.count) tensors are not understood, as \(first)")
      }
      let unused = lora.modules.keys.filter { !used.contains("\(index) \($0)") }.sorted()
      guard let first = unused.first else { continue }
      guard unused.count < lora.modules.count else {
        throw .adapter(
          file: lora.file,
          why: "none of its \(unused.count) layers, as \(first), is in \(model); it is for another family")
      }
      result.append("\(lora.file): \(unused.count) of \(lora.modules.count) layers are not in \(model), as \(first)")
    }
    return result
  }
}
