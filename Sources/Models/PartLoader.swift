import Diffusion
import Layers
import Weights

/// Makes a checkpoint's parts, and keeps what their files hold beside them.
struct PartLoader {
  let policy: KernelPolicy
  let loras: LoRASet
  let inversions: [TextualInversion]
  /// Tensors that no part read.
  private(set) var surplus: [String] = []
  /// Of the parts that have such.
  private(set) var packs: [String: PartPacks] = [:]

  init(policy: KernelPolicy, loras: LoRASet = LoRASet([]), inversions: [TextualInversion] = []) {
    (self.policy, self.loras, self.inversions) = (policy, loras, inversions)
  }

  private mutating func load<Part>(
    _ part: String, of checkpoint: Checkpoint, _ make: (Parameters, Config) throws -> Part
  ) throws -> Part {
    let weights = try checkpoint.weights(part).merging(loras, part: part)
    // Text towers are in f32 whatever the policy.
    let policy =
      switch part {
      case "unet": policy
      case "vae", "vqvae": policy.fine
      default: policy.exact
      }
    let packs = policy.cache?.packs(of: weights, part: part, policy)
    let result = try make(Parameters(weights, policy, packs: packs), checkpoint.config(part))
    packs?.finish()
    self.packs[part] = packs
    surplus += weights.surplus
    return result
  }

  mutating func unet(_ checkpoint: Checkpoint) throws -> UNet {
    try load("unet", of: checkpoint) { try UNet($0, config: UNetConfig($1)) }
  }

  /// - Parameter model: the checkpoint whose latents it is to know.
  mutating func autoencoder(_ checkpoint: Checkpoint, for model: Checkpoint) throws -> any Autoencoder {
    // Its pipeline decodes what the UNet gives, whatever factor the VQModel's config has by default.
    let scaled = try model.index?.optionalString("_class_name") != "LDMSuperResolutionPipeline"
    func part(_ checkpoint: Checkpoint) -> String {
      !checkpoint.has("vae") && checkpoint.has("vqvae") ? "vqvae" : "vae"
    }
    // A file that is an autoencoder alone does not say how latents are scaled: that belongs to the model it is for.
    // A tiny one knows the UNet's latents as they are.
    let isTiny = try checkpoint.config(part(checkpoint)).optionalString("_class_name") == "AutoencoderTiny"
    let isAlone = !isTiny && checkpoint.file != nil && checkpoint.family == nil && model.has(part(model))
    let own = isAlone ? try model.config(part(model)) : nil
    return try load(part(checkpoint), of: checkpoint) { parameters, config in
      try makeAutoencoder(parameters, own.map(config.scaled) ?? config, scaled: scaled)
    }
  }

  mutating func safetyChecker(_ checkpoint: Checkpoint) throws -> SafetyChecker {
    try load("safety_checker", of: checkpoint) {
      try SafetyChecker($0, config: $1, preparation: checkpoint.preprocessor)
    }
  }

  /// The text towers that the checkpoint has, in the order in which their tokens stand side by side.
  mutating func text(_ checkpoint: Checkpoint, for unet: UNetConfig) throws -> [any TextTower] {
    let readsVectors = unet.readsText && !checkpoint.has("class_embedder") && !checkpoint.has("bert")
    if let first = inversions.first, !readsVectors {
      throw WeightsError.adapter(file: first.file, why: "\(checkpoint.name) has no CLIP text encoder to put it in")
    }
    guard unet.readsText else { return [] }
    if checkpoint.has("class_embedder") {
      return [try load("class_embedder", of: checkpoint) { try ClassEmbedder($0, config: $1) }]
    }
    if checkpoint.has("bert") {
      let network = try load("bert", of: checkpoint) { try LDMBert($0, config: LDMBertConfig($1)) }
      let files = try checkpoint.tokenizer()
      let tokenizer = try BERTTokenizer(files, length: network.config.positions)
      try check(tokenizer.size, files, fit: network.config.vocabulary)
      return [BERTTower(tokenizer, network)]
    }
    let layer: CLIPTower.Layer = unet.addition == nil ? .last : .penultimate
    let suffixes = layer == .last ? [""] : ["", "_2"].filter { checkpoint.has("text_encoder\($0)") }
    // Where none is there, the first one's absence is told.
    let towers: [CLIPTower] = try (suffixes.isEmpty ? [""] : suffixes).map { suffix in
      let tower = try self.tower(suffix, of: checkpoint, layer)
      return try inversions.reduce(tower) { tower, inversion in
        let vectors = try inversion.vectors(
          for: "text_encoder\(suffix)", of: suffixes.count, width: tower.width, model: checkpoint.name)
        return tower.adding(inversion.words, vectors)
      }
    }
    let lengths = towers.map(\.tokenizer.length)
    guard lengths.allSatisfy({ $0 == lengths[0] }) else {
      throw ModelError.component(
        "tokenizer_2", folder: checkpoint.path, found: "for rows of \(lengths[1]) tokens",
        expected: "\(lengths[0]), as its tokenizer is")
    }
    return towers
  }

  private mutating func tower(
    _ suffix: String, of checkpoint: Checkpoint, _ layer: CLIPTower.Layer
  ) throws -> CLIPTower {
    let network = try load("text_encoder\(suffix)", of: checkpoint) {
      try CLIPTextModel($0, config: CLIPTextConfig($1))
    }
    let files = try checkpoint.tokenizer("tokenizer\(suffix)")
    let tokenizer = try CLIPTokenizer(files, length: network.config.positions)
    try check(tokenizer.size, files, fit: network.config.vocabulary)
    return CLIPTower(tokenizer, network, layer)
  }

  /// An id behind the table would be read from outside it, or be one of the words that inversions add.
  private func check(_ size: Int, _ files: TokenizerFiles, fit vocabulary: Int) throws(ModelError) {
    guard size <= vocabulary else {
      throw .component(
        "vocabulary", folder: files.folder, found: "for \(size) tokens",
        expected: "at most \(vocabulary), as the text encoder has")
    }
  }
}

/// A checkpoint's safety checker alone.
///
/// - Throws: `CheckpointError`, `ConfigError`, `WeightsError`.
public func loadSafetyChecker(_ checkpoint: Checkpoint, policy: KernelPolicy = KernelPolicy()) throws -> SafetyChecker {
  var loader = PartLoader(policy: policy)
  return try loader.safetyChecker(checkpoint)
}

/// A checkpoint's autoencoder alone.
///
/// - Parameter model: the checkpoint whose latents it is to know.
/// - Throws: as `Model.init`.
public func loadAutoencoder(
  _ checkpoint: Checkpoint, for model: Checkpoint, policy: KernelPolicy = KernelPolicy()
) throws -> any Autoencoder {
  var loader = PartLoader(policy: policy)
  return try loader.autoencoder(checkpoint, for: model)
}
