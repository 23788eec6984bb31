import Foundation
import Tensors

/// An adaptation of a model: for each layer it changes, W + s Δ. LoRA, LoCon, LoHa, LoKr, and DoRA on any of them; GLoRA, OFT,
/// (IA)³, and whole differences, of norms and biases too.
///
/// Reads kohya's naming (also of SDXL's original layout), diffusers' and PEFT's; linear layers and convolutions.
public struct LoRA: Sendable {
  struct Module: Sendable {
    var tensors: [Role: WeightTensor] = [:]
    var alpha: Double?
    var scalesInputs: Bool?
  }

  public let file: String
  /// s in the UNet, and in the text encoders.
  public let strength, textStrength: Double
  let modules: [String: Module]
  /// Tensors that nothing was made of, sorted.
  let unknown: [String]
  /// Tells this adaptation at these strengths from any other.
  let fingerprint: String

  /// - Parameter textStrength: nil: as `strength`.
  /// - Throws: `WeightsError`; `.adapter` for adaptations of another kind.
  public init(at path: String, strength: Double = 1, textStrength: Double? = nil) throws {
    let source = try TensorFile(at: path)
    (file, self.strength, self.textStrength) = (path, strength, textStrength ?? strength)
    var unknown: [String] = []
    fingerprint = "\(Weights(source.tensors, source: path).fingerprint) \(strength) \(self.textStrength)"
    var modules: [String: Module] = [:]
    let configs = PEFTConfig.parts(in: source.metadata)
    if Self.isHypernetwork(source.tensors.keys) {
      throw WeightsError.adapter(file: path, why: "a hypernetwork, which is not read; give a LoRA")
    }
    for (key, tensor) in source.tensors {
      if let kind = Self.others.first(where: { key.contains($0.mark) }) {
        throw WeightsError.adapter(
          file: path, why: "\(key) is part of a \(kind.name), which is not read; give a LoRA, LoHa, LoKr or DoRA")
      }
      if key.hasSuffix(".oft_blocks"), tensor.shape.count != 3 {
        throw WeightsError.adapter(file: path, why: "\(key) is part of a BOFT, which is not read; give a LoRA or OFT")
      }
      guard let (place, role) = Self.parsed(key) else {
        unknown.append(key)
        continue
      }
      var module = modules[place] ?? Module()
      let isWhole = [.i64, .i32, .u8].contains(tensor.type)
      if role == .alpha {
        module.alpha = tensor.count == 1 && (tensor.type.isWeight || isWhole) ? Double(tensor.tensor()[flat: 0]) : nil
      } else if role == .scalesInputs {
        let isFlag = tensor.count == 1 && (isWhole || tensor.type == .bool)
        module.scalesInputs = isFlag ? tensor.tensor()[flat: 0] != 0 : nil
      } else if tensor.type.isWeight {
        module.tensors[role] = tensor
      } else {
        unknown.append(key)
      }
      modules[place] = module
    }
    for (place, module) in modules where module.alpha == nil {
      guard let dot = place.firstIndex(of: "."), let rank = module.tensors[.down]?.shape.first else { continue }
      modules[place]?.alpha = configs[String(place[..<dot])]?.alpha(of: place[place.index(after: dot)...], rank: rank)
    }
    let halves = modules.filter { !$1.isWhole }
    unknown += halves.values.flatMap { $0.tensors.values.map(\.name) }
    self.unknown = unknown.sorted()
    modules = modules.filter { halves[$0.key] == nil }
    guard !modules.isEmpty else {
      let example = source.tensors.keys.min() ?? "nothing"
      throw WeightsError.adapter(file: path, why: "holds no LoRA, only tensors as \(example); is this a model?")
    }
    self.modules = modules
  }

  /// What a tensor is in its module.
  enum Role {
    case down, up, middle, alpha
    case hada1A, hada1B, hada1Core, hada2A, hada2B, hada2Core
    case kron1, kron1A, kron1B, kron2, kron2A, kron2B, kron2Core
    /// Of rows or columns: DoRA.
    case lengths
    /// What is added as it stands, to the weights or to the bias.
    case difference, biasDifference
    /// GLoRA's, of which A goes by the weights.
    case gloraA1, gloraA2, gloraB1, gloraB2, gloraBCore
    /// OFT's, and what its rows are stretched by.
    case rotation, rescale
    /// (IA)³'s factors, and whether they belong to inputs.
    case scale, scalesInputs
  }

  private static let endings: [(String, Role)] = [
    (".lora_down.weight", .down), (".lora_up.weight", .up), (".lora_mid.weight", .middle), (".alpha", .alpha),
    (".lora_A.weight", .down), (".lora_B.weight", .up), (".lora_A.default.weight", .down),
    (".lora_B.default.weight", .up), (".lora_linear_layer.down.weight", .down), (".lora_linear_layer.up.weight", .up),
    (".lora.down.weight", .down), (".lora.up.weight", .up), ("_lora.down.weight", .down), ("_lora.up.weight", .up),
    (".hada_w1_a", .hada1A), (".hada_w1_b", .hada1B), (".hada_t1", .hada1Core),
    (".hada_w2_a", .hada2A), (".hada_w2_b", .hada2B), (".hada_t2", .hada2Core),
    (".lokr_w1", .kron1), (".lokr_w1_a", .kron1A), (".lokr_w1_b", .kron1B),
    (".lokr_w2", .kron2), (".lokr_w2_a", .kron2A), (".lokr_w2_b", .kron2B), (".lokr_t2", .kron2Core),
    (".dora_scale", .lengths), (".lora_magnitude_vector", .lengths), (".lora_magnitude_vector.weight", .lengths),
    (".lora_magnitude_vector.default.weight", .lengths),
    (".diff", .difference), (".diff_b", .biasDifference), (".w_norm", .difference), (".b_norm", .biasDifference),
    (".a1.weight", .gloraA1), (".a2.weight", .gloraA2), (".b1.weight", .gloraB1), (".b2.weight", .gloraB2),
    (".bm.weight", .gloraBCore), (".oft_blocks", .rotation), (".rescale", .rescale), (".on_input", .scalesInputs),
    // The shortest last: what other names end in.
    (".weight", .scale),
  ]

  private static let others: [(mark: String, name: String)] = [
    ("oft_R", "OFT of PEFT's"), ("oft_r", "OFT of PEFT's"), ("oft_diag", "OFT of kohya's"), ("boft_", "BOFT"),
    ("ia3_", "(IA)³ of PEFT's"), ("vera_", "VeRA"),
  ]

  /// A1111's: pairs of networks for keys and values by the width that they take, "768.0.linear.0.weight".
  static func isHypernetwork(_ names: some Sequence<String>) -> Bool {
    names.contains { name in
      let parts = name.split(separator: ".")
      return parts.count > 3 && Int(parts[0]) != nil && ["0", "1"].contains(parts[1]) && parts[2].hasPrefix("linear")
    }
  }

  /// Of a tensor's name: the layer it belongs to, and what it is there.
  private static func parsed(_ key: String) -> (place: String, Role)? {
    guard let (ending, role) = endings.first(where: { key.hasSuffix($0.0) }) else { return nil }
    var place = String(key.dropLast(ending.count))
    if place.hasPrefix("base_model.model.") { place.removeFirst("base_model.model.".count) }
    // diffusers before 0.22: attention processors held the layers.
    place = place.replacingOccurrences(of: ".processor.", with: ".")
    if ending.hasPrefix("_"), place.hasSuffix(".to_out") { place += ".0" }
    return (place, role)
  }
}
