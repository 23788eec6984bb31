import Foundation

/// A whole model, or one part of it, in a single file: CompVis' and Stability's layouts, OpenCLIP's text towers, and
/// diffusers' names where a UNet or an autoencoder stands alone.
struct SingleFile: CheckpointLayout {
  let file: TensorFile
  /// nil for an autoencoder alone.
  let family: Family?
  let index: Config?
  let notes: [String]
  private let configs: [String: Config]
  private let maps: [String: NameMap]
  let usesEMA: Bool

  /// Only configs and tensors' headers are read.
  ///
  /// - Throws: `CheckpointError.family` for files of other families, `.resource`.
  init(_ given: TensorFile, hints: CheckpointHints) throws {
    let file = try TinyHalves.joined(given.holding(Int8Weights.joined(given.tensors, file: given.path)))
    self.file = file
    let parts = try SingleFileParts(file)
    (family, maps) = (parts.family, parts.maps)
    // The 2021 models are sampled by their averaged weights (CompVis' scripts, `ema_scope`); later ones by those in
    // place, as diffusers, A1111 and ComfyUI take them: where both are there, `model_ema` is for training on.
    usesEMA = (family?.name.hasPrefix("ldm") ?? false) && file.tensors.keys.contains { $0.hasPrefix("model_ema.diff") }
    var configs = parts.configs
    var notes: [String] = []
    if let family {
      for (part, config) in family.parts where !SingleFileParts.hasTensors(part) { configs[part] = config }
      // A UNet that is told the strength of guidance is a latent consistency model (Luo et al. 2023, arXiv:2310.04378).
      if configs["unet"]?.has("time_cond_proj_dim") == true {
        configs["scheduler"] = configs["scheduler"]?.setting([
          "_class_name": .string("LCMScheduler"), "original_inference_steps": .number(50), "steps_offset": .number(0),
          "set_alpha_to_one": .bool(true), "skip_prk_steps": .null,
        ])
      }
      // Where the latents' deviation was measured (`scale_by_std`), its inverse stands in the file.
      if family.name.hasPrefix("ldm"), let factor = file.tensors["scale_factor"], factor.count == 1,
        factor.type.isWeight
      {
        configs["vqvae"] = configs["vqvae"]?.setting(["scaling_factor": .number(Double(factor.tensor()[flat: 0]))])
      }
      let prediction = PredictionSource(file, hints, family: family.name)
      notes += prediction.notes
      prediction.apply(to: &configs)
    }
    for (part, config) in configs { configs[part] = try Self.writtenConfig(part, in: file) ?? config }
    (self.configs, self.notes) = (configs, notes)
    index = family.map { family in
      Config(
        path: file.path,
        values: family.index.values.filter {
          $0.key.hasPrefix("_") || configs[$0.key] != nil || !SingleFileParts.isPart($0.key)
        })
    }
  }

  /// The config that `ldm models convert` put into the file for want of another place.
  static func writtenConfig(_ part: String, in file: TensorFile) throws -> Config? {
    try file.metadata["ldm.config.\(part)"].map { try Config(Data($0.utf8), path: "\(file.path): \(part)") }
  }

  var parts: [String] { configs.keys.filter { !$0.hasPrefix("tokenizer") }.sorted() }
  func config(_ part: String) throws -> Config { configs[part]! }

  func weights(_ part: String) throws -> Weights {
    guard let map = maps[part] else { return Weights([:], source: file.path) }
    var result: [String: WeightTensor] = [:]
    for (name, tensor) in file.tensors {
      guard let (names, change) = map.folderNames(name) else { continue }
      for mapped in try change.applied(to: averaged(name, tensor), names) { result[mapped.name] = mapped }
    }
    return Weights(result, source: file.path)
  }

  /// Lightning's EMA keeps its copies under names without dots.
  private func averaged(_ name: String, _ tensor: WeightTensor) -> WeightTensor {
    guard usesEMA, name.hasPrefix("model.") else { return tensor }
    return file.tensors["model_ema." + name.dropFirst("model.".count).filter { $0 != "." }] ?? tensor
  }

  func tokenizer(_ part: String) throws -> TokenizerFiles {
    // BERT's vocabulary is not shipped: vocab.txt is looked for beside the file.
    let folder = URL(fileURLWithPath: file.path).deletingLastPathComponent().path
    guard configs["bert"] == nil else { return TokenizerFiles(folder: folder) }
    let merges = try FamilyFiles.path("clip-merges.txt")
    return TokenizerFiles(merges: merges, config: configs[part], folder: file.path)
  }

  /// Names in the file that no part knows, without what trainers are known to leave behind.
  var surplus: [String] {
    file.tensors.keys.filter { name in
      !maps.values.contains { $0.folderNames(name) != nil } && !SingleFileParts.isLeftover(name)
    }.sorted()
  }
}

extension NameMap.Change {
  /// The tensors that diffusers' names stand for; views wherever strides can say it.
  func applied(to tensor: WeightTensor, _ names: [String]) throws(WeightsError) -> [WeightTensor] {
    func wrong(_ expected: [Int]) -> WeightsError {
      .shape(tensor: tensor.name, file: tensor.source, found: tensor.shape, expected: expected)
    }
    switch self {
    case .none: return [tensor.renamed(names[0])]
    case .matrix, .line:
      let shape = tensor.shape
      return [
        tensor.renamed(
          names[0], shape: shape.count > 2 && shape[2...].allSatisfy { $0 == 1 } ? Array(shape[..<2]) : shape)
      ]
    case .transposed:
      guard tensor.shape.count == 2 else { throw wrong([0, 0]) }
      return [tensor.transposed(named: names[0])]
    case .thirds:
      guard let rows = tensor.shape.first, rows % 3 == 0 else { throw wrong([3]) }
      return names.enumerated().map { tensor.rows(($0 * rows / 3)..<(($0 + 1) * rows / 3), named: $1) }
    case .thirdsByHead(let heads):
      guard let rows = tensor.shape.first, heads > 0, rows % (3 * heads) == 0 else { throw wrong([3 * heads]) }
      return names.enumerated().map { tensor.headThirds(heads: heads, third: $0, named: $1) }
    }
  }
}
