import ArgumentParser
import Foundation
import LatentDiffusion
import Weights

struct ModelOptions: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      """
      Name (see \"ldm models list\"), folder, or file: safetensors, or a PyTorch checkpoint, of which nothing is executed. \
      Default: the built-in model.
      """, valueName: "name|path"),
    completion: .file())
  var model: String?

  @Option(
    help: ArgumentHelp(
      "Autoencoder, folder or file, in place of the model's own; TAESD is fast and a little blurred.", valueName: "path"
    ),
    completion: .file())
  var vae: String?

  @Option(
    help: ArgumentHelp(
      "Model that takes over for the last steps, SDXL's refiner; of them the share, 0 to 1, that is its own (0.2).",
      valueName: "path[:share]"), completion: .file())
  var refiner: String?

  @Option(
    help: ArgumentHelp(
      """
      LoRA, LoCon, LoHa, LoKr, DoRA, GLoRA, OFT, IA3 or full differences to merge in, and how strongly (1). May be given \
      several times. A refiner stays as it is.
      """,
      valueName: "file[:weight]"),
    completion: .file(extensions: ["safetensors", "pt"]))
  var lora: [String] = []

  @Option(
    help: ArgumentHelp(
      "Textual inversion, and the word that stands for it in prompts (the file's name). May be given several times.",
      valueName: "file[:word]"), completion: .file(extensions: ["safetensors", "pt", "bin"]))
  var embedding: [String] = []

  @Option(
    help: ArgumentHelp("Numbers of the networks: auto, f32, bf16, int8 (faster, less exact).", valueName: "type"),
    completion: .list(Precision.allCases.map(\.rawValue)))
  var precision: String = "auto"

  @Option(name: .shortAndLong, help: ArgumentHelp("Threads of the networks. Default: all processors.", valueName: "n"))
  var threads: Int?

  @Option(
    help: ArgumentHelp(
      """
      How pictures go through the autoencoder: off (whole), in tiles of so many pixels a side, or auto (whole up to a \
      megapixel, or more of a small model).
      """, valueName: "auto|off|pixels"))
  var tile = Tiling.auto

  @OptionGroup var cache: CacheOptions

  func validate() throws {
    _ = try choice(precision, "--precision", Precision.allCases.map(\.rawValue))
    _ = try refinement()
    guard threads.map({ (1...1024).contains($0) }) ?? true else {
      throw ValidationError("--threads must be from 1 to 1024")
    }
  }

  /// The model is found and looked at; its weights are read when a task first needs them.
  ///
  /// - Parameters:
  ///   - prediction: what the user says the UNet predicts, for files that do not.
  ///   - previewer: what decodes previews; nil: the model's own autoencoder.
  func engine(prediction: Prediction? = nil, previewer: String? = nil) throws -> Engine {
    for path in [vae, previewer].compactMap({ $0 }).map(Arguments.words) where !Checkpoint.exists(path) {
      throw Failure(.unavailable, "\(path): no autoencoder here; give a file or a folder", stopsAll: true)
    }
    let locator = ModelLocator()
    let path = try locator.path(of: model)
    let refiner = try refinement().map { (path: try locator.path(of: $0.name), share: $0.share) }
    return try Engine(
      modelAt: path, autoencoderAt: vae.map(Arguments.words), loras: try lora.map(Self.lora),
      inversions: try embedding.map(Self.inversion), findLoRA: LoRALocator(modelAt: path, locator).file,
      refinerAt: refiner,
      previewAt: previewer.map(Arguments.words), hints: CheckpointHints(prediction: prediction),
      precision: Precision(rawValue: precision)!, threads: threads, cache: cache.cache(),
      tiling: tile)
  }

  /// "NAME:0.3" → the refiner and its share.
  private func refinement() throws -> (name: String, share: Double)? {
    guard let refiner else { return nil }
    guard let colon = refiner.lastIndex(of: ":"), let share = Double(refiner[refiner.index(after: colon)...]) else {
      return (refiner, 0.2)
    }
    guard (0...1).contains(share) else {
      throw ValidationError("the refiner's share must be from 0 to 1, not \(share)")
    }
    return (String(refiner[..<colon]), share)
  }

  /// FILE or FILE:WEIGHT; a name that holds a colon itself is taken whole where such a file is.
  private static func lora(_ text: String) throws -> LoRA {
    let text = Arguments.words(text)
    guard let colon = text.lastIndex(of: ":"), !FileManager.default.fileExists(atPath: text) else {
      return try LoRA(at: present(text, "LoRA"))
    }
    guard let weight = Double(text[text.index(after: colon)...]), weight.isFinite else {
      throw Failure(.usage, "--lora \(text): what follows the colon must be a number, the weight")
    }
    return try LoRA(at: present(String(text[..<colon]), "LoRA"), strength: weight)
  }

  /// FILE or FILE:WORD, as `lora`.
  private static func inversion(_ text: String) throws -> TextualInversion {
    let text = Arguments.words(text)
    guard let colon = text.lastIndex(of: ":"), !FileManager.default.fileExists(atPath: text) else {
      return try TextualInversion(at: present(text, "textual inversion"))
    }
    let word = text[text.index(after: colon)...]
    guard !word.allSatisfy(\.isWhitespace) else {
      throw Failure(.usage, "--embedding \(text): what follows the colon must be a word")
    }
    return try TextualInversion(at: present(String(text[..<colon]), "textual inversion"), word: String(word))
  }

  /// - Throws: `Failure` 66 where no file is at `path`.
  private static func present(_ path: String, _ kind: String) throws -> String {
    guard FileManager.default.fileExists(atPath: path) else {
      throw Failure(.noInput, "\(path): no such file; give the file of a \(kind)", stopsAll: true)
    }
    return path
  }
}

extension Tiling: ExpressibleByArgument {
  public init?(argument: String) {
    switch argument {
    case "auto": self = .auto
    case "off": self = .off
    default:
      guard let side = Int(argument), side > 0 else { return nil }
      self = .side(side)
    }
  }

  public var defaultValueDescription: String { "auto" }
}

extension CheckpointHints {
  init(prediction: Prediction?) { self.init(prediction: prediction.map { $0 == .v ? "v_prediction" : $0.rawValue }) }
}
