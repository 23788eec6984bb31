import Foundation

/// A model in diffusers' layout, a folder a part; or the folder of one part alone.
struct DiffusersFolder: CheckpointLayout {
  let path: String
  let index: Config?
  let parts: [String]
  /// The part that `path` itself is.
  private let own: String?

  static func isModel(_ path: String) -> Bool {
    ["model_index.json", "ldm.json", "unet/config.json"].contains { exists("\(path)/\($0)") }
  }

  static func isPart(_ path: String) -> Bool { configPath(path) != nil }

  init(at path: String) throws {
    self.path = path
    let indexPath = "\(path)/model_index.json"
    index = Self.exists(indexPath) ? try Config(at: indexPath) : nil
    let children = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    let inside = children.filter { Self.configPath("\(path)/\($0)") != nil }
    own = try inside.isEmpty ? Self.configPath(path).flatMap { try Self.part(of: Config(at: $0)) } : nil
    parts = own.map { [$0] } ?? inside
    guard !parts.isEmpty else { throw CheckpointError.noModel(path: path) }
  }

  /// The part that a component's config belongs to.
  private static func part(of config: Config) throws -> String? {
    let kind = try config.optionalString("_class_name") ?? config.optionalStrings("architectures")?.first
    return switch kind {
    case "UNet2DConditionModel", "UNet2DModel": "unet"
    case "AutoencoderKL", "PatchAutoencoderKL", "AutoencoderTiny": "vae"
    case "VQModel": "vqvae"
    case "CLIPTextModel", "CLIPTextModelWithProjection": "text_encoder"
    case "LDMBertModel": "bert"
    case "StableDiffusionSafetyChecker": "safety_checker"
    default: nil
    }
  }

  private func folder(_ part: String) -> String { own == part ? path : "\(path)/\(part)" }

  private static func configPath(_ folder: String) -> String? {
    ["\(folder)/config.json", "\(folder)/scheduler_config.json"].first(where: exists)
  }

  func config(_ part: String) throws -> Config { try Config(at: Self.configPath(folder(part))!) }
  func weights(_ part: String) throws -> Weights { try Weights(componentAt: folder(part)) }

  var preprocessor: Config? {
    get throws {
      try ["feature_extractor/", ""].map { "\(path)/\($0)preprocessor_config.json" }.first(where: Self.exists).map {
        try Config(at: $0)
      }
    }
  }

  func tokenizer(_ part: String) throws -> TokenizerFiles {
    let folder = "\(path)/\(part)"
    func file(_ name: String) -> String? { Self.exists("\(folder)/\(name)") ? "\(folder)/\(name)" : nil }
    var config = try file("tokenizer_config.json").map { try Config(at: $0) }
    // As transformers reads them: in files of before 2023 the map wins. SD 2 pads by "!", and only the map says so.
    if config?.has("added_tokens_decoder") != true, let map = file("special_tokens_map.json") {
      config = try (config ?? Config(path: map, values: [:])).setting(Config(at: map).values)
    }
    return TokenizerFiles(
      vocabulary: file("vocab.json"), merges: file("merges.txt"), tokenizer: file("tokenizer.json"),
      added: file("added_tokens.json"), config: config, folder: folder)
  }

  private static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
}
