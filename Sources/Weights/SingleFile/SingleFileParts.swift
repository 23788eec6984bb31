/// Which parts a single file holds, how their names map, and what their shapes say.
package struct SingleFileParts {
  private(set) var family: Family?
  package private(set) var maps: [String: NameMap] = [:]
  private(set) var configs: [String: Config] = [:]

  /// The family that a file's metadata names, where its shapes are no public ones.
  private let said: String?

  package init(_ file: TensorFile) throws {
    said = file.metadata["ldm.family"].flatMap { Family.isKnown($0) ? $0 : nil }
    let all = TensorNames(file.tensors)
    if all.shapes.keys.contains(where: { $0.hasPrefix("edm_") }) {
      throw CheckpointError.family(file.path, found: "a model of EDM's noise, as Playground 2.5 and CosXL")
    }
    if let prefix = ["model.diffusion_model.", "diffusion_model.", ""].first(where: {
      all.has("\($0)input_blocks.0.0.weight")
    }) {
      try addUNet(TensorNames(file.tensors, below: prefix), prefix, all, file)
    } else if all.has("down_blocks.0.resnets.0.conv1.weight"), all.has("conv_in.weight") {
      try addOwnUNet(all, file.path)
    }
    for prefix in ["first_stage_model.", "vae.", ""] where all.has("\(prefix)decoder.conv_in.weight") {
      try addAutoencoder(TensorNames(file.tensors, below: prefix), prefix, file)
      break
    }
    if maps.isEmpty, all.has("encoder.layers.0.weight"), all.has("decoder.layers.0.weight") {
      // TAESD: all of them are of one shape.
      maps["vae"] = .identity(all)
      configs["vae"] = Config(path: file.path, values: ["_class_name": .string("AutoencoderTiny")])
    }
    guard !maps.isEmpty else { throw CheckpointError.family(file.path, found: Family.foreign(all)) }
    if let family { try addTowers(family, all, file) }
  }

  private mutating func addUNet(
    _ names: TensorNames, _ prefix: String, _ all: TensorNames, _ file: TensorFile
  ) throws {
    guard let shape = UNetShape(single: names) else {
      throw CheckpointError.family(file.path, found: "a UNet whose blocks follow no known order")
    }
    let family = try Family(named: said ?? Family.name(unet: names, file: all, path: file.path))
    let template = family.parts["unet"]!
    let config = template.setting(ShapeConfig.unet(names, shape, like: template))
    // Shapes do not tell heads; a file that this program wrote does.
    let written = try SingleFile.writtenConfig("unet", in: file)
    maps["unet"] = .unet(shape, prefix: prefix, heads: try Self.pixelHeads(written ?? config))
    (configs["unet"], self.family) = (config, family)
  }

  /// Heads by level of a UNet that attends over pixels; nil for one whose transformers read a context.
  static func pixelHeads(_ config: Config) throws -> [Int]? {
    guard try config.optionalString("_class_name") == "UNet2DModel" else { return nil }
    let channels = try config.integers("block_out_channels")
    if let count = try config.optionalInteger("num_attention_heads") { return channels.map { _ in max(count, 1) } }
    guard !config.isNull("attention_head_dim") else { return channels.map { _ in 1 } }
    let width = try max(config.integer("attention_head_dim", default: 8), 1)
    return channels.map { max($0 / width, 1) }
  }

  /// A UNet under diffusers' names: told by what it would be called in a single file.
  private mutating func addOwnUNet(_ names: TensorNames, _ path: String) throws {
    guard let shape = UNetShape(folder: names) else {
      throw CheckpointError.family(path, found: "a UNet whose blocks follow no known order")
    }
    let map = NameMap.unet(shape, prefix: "")
    let single = TensorNames(
      shapes: Dictionary(
        names.shapes.compactMap { name, shape in map.singleName(name).map { ($0.name, shape) } }
      ) { first, _ in first })
    let family = try Family(named: Family.name(unet: single, file: single, path: path))
    let template = family.parts["unet"]!
    configs["unet"] = template.setting(ShapeConfig.unet(single, shape, like: template))
    (maps["unet"], self.family) = (.identity(names), family)
  }

  private mutating func addAutoencoder(_ names: TensorNames, _ prefix: String, _ file: TensorFile) throws {
    let isVQ = names.has("quantize.embedding.weight")
    let part = family?.parts["vae"] != nil || family == nil && !isVQ ? "vae" : "vqvae"
    let template = try (family ?? Family(named: isVQ ? "ldm-class" : "sd1")).parts[part]!
    if names.has("decoder.mid_block.resnets.0.conv1.weight") {
      // Diffusers' names: read as they are, told by their counterparts.
      guard let map = NameMap.autoencoder(folder: names, prefix: "") else {
        throw CheckpointError.family(
          file.path, found: "an autoencoder whose halves have other levels, which its folder's config.json describes")
      }
      let single = TensorNames(
        shapes: Dictionary(
          names.shapes.compactMap { name, shape in map.singleName(name).map { ($0.name, shape) } }
        ) { first, _ in first })
      configs[part] = template.setting(ShapeConfig.autoencoder(single))
      maps[part] = .identity(names, prefix: prefix)
    } else {
      configs[part] = template.setting(ShapeConfig.autoencoder(names))
      maps[part] = .autoencoder(
        levels: ShapeConfig.autoencoderLevels(names), layers: ShapeConfig.autoencoderLayers(names), prefix: prefix)
    }
  }

  /// Text towers, and what else turns words or classes into a context.
  private mutating func addTowers(_ family: Family, _ all: TensorNames, _ file: TensorFile) throws {
    var places = [
      ("text_encoder", "cond_stage_model."), ("text_encoder", "conditioner.embedders.0."),
      ("text_encoder_2", "conditioner.embedders.1."),
    ]
    if family.name == "sdxl-refiner" { places = [("text_encoder_2", "conditioner.embedders.0.")] }
    for (part, prefix) in places {
      guard let template = family.parts[part], maps[part] == nil else { continue }
      let map: NameMap
      if all.has("\(prefix)transformer.text_model.final_layer_norm.weight") {
        map = .clip(prefix: "\(prefix)transformer.")
      } else if let width = all["\(prefix)model.token_embedding.weight"]?[safe: 1] {
        let found = all.numbers(below: "\(prefix)model.transformer.resblocks.")
        let usual = try template.integer("num_hidden_layers", default: found)
        let isUsual = try template.integer("hidden_size", default: 0) == width
        let projects = try template.optionalStrings("architectures")?.first == "CLIPTextModelWithProjection"
        map = .openCLIP(prefix: "\(prefix)model.", layers: isUsual ? min(found, usual) : found, projects: projects)
      } else {
        continue
      }
      maps[part] = map
      configs[part] = template.setting(ShapeConfig.text(try map.folderShapes(file)))
    }
    if let template = family.parts["bert"], all.has("cond_stage_model.transformer.token_emb.weight") {
      let layers = all.numbers(below: "cond_stage_model.transformer.attn_layers.layers.") / 2
      (maps["bert"], configs["bert"]) = (.bert(prefix: "cond_stage_model.transformer.", layers: layers), template)
    }
    if family.name.hasPrefix("ldm-class") {
      var map = NameMap("cond_stage_model.")
      map.add("cond_stage_model.embedding", "embedding")
      let shape = all["cond_stage_model.embedding.weight"]!.map { JSONValue.number(Double($0)) }
      maps["class_embedder"] = map
      var values: [String: JSONValue] = [
        "_class_name": .string("ClassEmbedder"), "num_classes": shape[0], "embed_dim": shape[safe: 1] ?? .null,
      ]
      // The first ImageNet model was trained without guidance: each of its rows is a class.
      if family.name == "ldm-class-f8" { values["unconditional"] = .bool(false) }
      configs["class_embedder"] = Config(path: file.path, values: values)
    }
  }

  /// Whether a part has weights of its own; schedulers and tokenizers have none.
  static func hasTensors(_ part: String) -> Bool { !part.contains("scheduler") && !part.hasPrefix("tokenizer") }

  static func isPart(_ key: String) -> Bool {
    ["unet", "vae", "vqvae", "bert"].contains(key)
      || ["text_encoder", "tokenizer", "scheduler", "low_res_scheduler"].contains { key.hasPrefix($0) }
  }

  /// Schedules that are computed anew, averages kept for training, towers and losses that no inference reads.
  package static func isLeftover(_ name: String) -> Bool {
    let beginnings = [
      "model_ema.", "alphas_cumprod", "betas", "sqrt_", "log_one_minus", "posterior_", "lvlb_weights", "logvar",
      "low_scale_model.", "depth_model.", "cond_stage_model.", "conditioner.", "denoiser.", "first_stage_model.loss",
      "loss.", "v_pred", "ztsnr", "scale_factor", "optimizer", "model_ema",
    ]
    return beginnings.contains { name.hasPrefix($0) }
  }
}

extension NameMap {
  /// Diffusers' names in the file, below `prefix`.
  static func identity(_ names: TensorNames, prefix: String = "") -> NameMap {
    var map = NameMap(prefix)
    for name in Set(names.shapes.keys.map { String($0.prefix { $0 != "." }) }) { map.add(prefix + name, name) }
    return map
  }

  /// Shapes under diffusers' names.
  func folderShapes(_ file: TensorFile) throws -> TensorNames {
    var shapes: [String: [Int]] = [:]
    for (name, tensor) in file.tensors {
      guard let (names, change) = folderNames(name) else { continue }
      for mapped in try change.applied(to: tensor, names) { shapes[mapped.name] = mapped.shape }
    }
    return TensorNames(shapes: shapes)
  }
}
