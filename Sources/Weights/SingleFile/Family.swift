import Foundation

/// A family of public checkpoints: what its single files leave out, in diffusers' words.
public struct Family: Sendable {
  /// "sd1", "sdxl-refiner", ...: the stem of its file.
  public let name: String
  public let title: String
  let index: Config
  /// A config a part; the tensors' shapes override what they tell better.
  package let parts: [String: Config]

  /// - Throws: `CheckpointError.resource` where the package's files are not beside the binary.
  init(named name: String) throws {
    let config = try Config(at: FamilyFiles.path("\(name).json"))
    self.name = name
    title = try config.string("title", default: name)
    index = try config.object("index") ?? Config(path: config.path, values: [:])
    var parts: [String: Config] = [:]
    if case .object(let fields) = config.values["parts"] {
      for (part, value) in fields {
        if case .object(let values) = value { parts[part] = Config(path: "\(name) \(part)", values: values) }
      }
    }
    self.parts = parts
  }

  static func isKnown(_ name: String) -> Bool {
    name.utf8.allSatisfy { $0 == 0x2d || (0x30...0x39).contains($0) || (0x61...0x7a).contains($0) }
      && (try? FamilyFiles.path("\(name).json")) != nil
  }

  /// The family of a UNet by CompVis' names, and of what stands beside it in the file.
  ///
  /// - Throws: `CheckpointError.family` saying what was found instead.
  static func name(unet: TensorNames, file: TensorNames, path: String) throws(CheckpointError) -> String {
    guard let input = unet["input_blocks.0.0.weight"]?[safe: 1] else {
      throw .family(path, found: "a UNet without its first convolution")
    }
    let context = unet.shapes.first { $0.key.hasSuffix("attn2.to_k.weight") }?.value[safe: 1]
    let pooled = unet["label_emb.0.0.weight"]?[safe: 1]
    let unknown = "which is not supported"
    let words = file["cond_stage_model.transformer.token_emb.weight"]?.first
    switch (context, input) {
    case (2048, 4), (2048, 8): return "sdxl"
    case (2048, 9): return "sdxl-inpainting"
    case (1280, 4) where pooled != nil: return "sdxl-refiner"
    case (1024, 7) where unet.has("label_emb.weight"): return "x4-upscaler"
    case (1024, _) where pooled != nil: throw .family(path, found: "an unCLIP model, which takes pictures for words")
    case (1024, 4): return "sd2"
    case (1024, 9): return "sd2-inpainting"
    case (1024, 5): return "sd2-depth"
    case (_, 3) where words == 8192: throw .family(path, found: "a model that paints a layout of boxes, \(unknown)")
    case (_, _) where file.has("cond_stage_model.channel_mapper.weight"):
      throw .family(path, found: "a model that paints a map of semantics, \(unknown)")
    case (_, 4) where words != nil: return "ldm-text"
    case (_, 3) where words != nil: return "ldm-text-vq"
    case (_, 4) where file.has("cond_stage_model.embedding.weight"): return "ldm-class-f8"
    case (_, _) where file.has("cond_stage_model.embedding.weight"): return "ldm-class"
    case (768, 4): return "sd1"
    case (768, 9): return "sd1-inpainting"
    case (nil, 4) where UNetShape.timeScales(unet): return "ldm-churches"
    case (nil, 6): return "ldm-sr"
    case (nil, 7): return "ldm-inpainting"
    case (nil, 3), (nil, 4): return "ldm"
    default:
      let words = context.map { "a context of \($0)" } ?? "no context"
      throw .family(path, found: "a UNet of \(input) input channels with \(words)")
    }
  }

  /// What a file that holds no UNet and no autoencoder of ours is, by names that only it has.
  static func foreign(_ names: TensorNames) -> String {
    func some(_ parts: String...) -> Bool {
      names.shapes.keys.contains { name in parts.contains { name.contains($0) } }
    }
    if LoRA.isHypernetwork(names.shapes.keys) { return "a hypernetwork, which is not supported" }
    if some("lora_up", "lora_A", ".lora.up", "lora_down", "hada_w1", "lokr_w1", "oft_blocks", ".diff_b", ".a1.weight")
      || names.shapes.keys.contains(where: { $0.hasSuffix(".diff") })
    {
      return "a LoRA, no whole model; give it with --lora"
    }
    if some("string_to_param", "emb_params", "clip_l", "clip_g") && names.shapes.count < 8 {
      return "a textual inversion; give it with --embedding"
    }
    if some("joint_blocks") { return "Stable Diffusion 3, which is not supported" }
    if some("double_blocks", "single_transformer_blocks") { return "Flux, which is not supported" }
    if some("control_model.", "controlnet_cond_embedding") { return "a ControlNet, which is not supported" }
    if some("motion_modules") { return "AnimateDiff, which is not supported" }
    if some("clip_txt_mapper", "effnet_mapper") { return "Stable Cascade, which is not supported" }
    if some("transformer_blocks") { return "a diffusion transformer, which is not supported" }
    return "no UNet and no autoencoder, as \(names.shapes.keys.sorted().first ?? "nothing") in it"
  }
}

/// The folder of this package's families, found beside the binary: never through `Bundle.module`, which stops the process
/// where the build folder is gone.
enum FamilyFiles {
  private static let candidates: [String] = {
    let binaries = [Bundle.main.executablePath, CommandLine.arguments.first].compactMap { $0 }
    return binaries.flatMap { path -> [String] in
      let folder = URL(fileURLWithPath: path).resolvingSymlinksInPath().deletingLastPathComponent().path
      return ["\(folder)/LatentDiffusion_Weights.resources/Families", "\(folder)/../share/ldm/families"]
    }
  }()

  static func path(_ name: String) throws(CheckpointError) -> String {
    guard let folder = candidates.first(where: { FileManager.default.fileExists(atPath: "\($0)/\(name)") }) else {
      throw .resource(name, folder: candidates.first ?? "")
    }
    return "\(folder)/\(name)"
  }
}

extension Array {
  /// nil where there is no such element.
  subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
