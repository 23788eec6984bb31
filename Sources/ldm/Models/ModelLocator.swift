import Foundation
import LatentDiffusion
import Weights

/// Finds models by name: in `$LDM_MODELS`, `$XDG_DATA_HOME/ldm/models`, the Hugging Face cache, `/usr/share/ldm/models`,
/// `../share/ldm/models` beside the binary, and, for the built-in one, the resource folder beside the binary's real path.
struct ModelLocator {
  static let builtIn = "builtin"

  struct Found: Equatable {
    var name: String
    var path: String
  }

  private let environment: [String: String]
  /// The folder of the binary's real path.
  private let binaryFolder: String

  init(
    environment: [String: String] = ProcessInfo.processInfo.environment, binaryFolder: String = Self.ownFolder
  ) {
    (self.environment, self.binaryFolder) = (environment, binaryFolder)
  }

  private static var ownFolder: String {
    let path = Bundle.main.executablePath ?? CommandLine.arguments[0]
    return URL(fileURLWithPath: path).resolvingSymlinksInPath().deletingLastPathComponent().path
  }

  /// A model's folder or file.
  ///
  /// - Parameter name: a name, or a path; nil is the built-in model.
  /// - Throws: `Failure` 69.
  func path(of name: String?) throws -> String {
    guard let name = name.map(Arguments.words) else {
      guard let path = builtInPath else {
        throw Failure(
          .unavailable,
          "the built-in model is not beside the binary (\(binaryFolder)); install it again, or name one with --model",
          stopsAll: true)
      }
      return path
    }
    if isModel(name) { return name }
    if let found = all().first(where: { $0.name == name }) { return found.path }
    if FileManager.default.fileExists(atPath: name) {
      throw Failure(
        .unavailable,
        "\(name): no model here; expected a folder with model_index.json, ldm.json or unet/, or a file of weights",
        stopsAll: true)
    }
    throw Failure(.unavailable, "no model \(name); \"ldm models list\" shows those that are here", stopsAll: true)
  }

  /// Every model that can be named, the first of a name wins.
  func all() -> [Found] {
    var result: [Found] = []
    if let path = builtInPath { result.append(Found(name: Self.builtIn, path: path)) }
    for folder in folders {
      for name in children(of: folder) where isModel("\(folder)/\(name)") {
        result.append(Found(name: Self.stem(name), path: "\(folder)/\(name)"))
      }
    }
    result += inHubCache(isModel)
    var seen = Set<String>()
    return result.filter { seen.insert($0.name).inserted }
  }

  /// The folder of a safety checker: the model's own, else one that is called safety-checker beside other models, else
  /// CompVis' in the Hugging Face cache.
  ///
  /// - Throws: `Failure` 69.
  func safetyChecker(of model: String) throws -> String {
    if Checkpoint.isPart("\(model)/safety_checker") { return model }
    let shared =
      folders.map { "\($0)/safety-checker" }
      + inHubCache(Checkpoint.isPart).filter {
        $0.name == "CompVis/stable-diffusion-safety-checker"
      }.map(\.path)
    guard let found = shared.first(where: Checkpoint.isPart) else {
      throw Failure(
        .unavailable,
        "\(model) holds no safety_checker, and none is called safety-checker beside other models; install one, or leave "
          + "out --safety", stopsAll: true)
    }
    return found
  }

  /// A file's name without the suffix that says what it is.
  private static func stem(_ name: String) -> String {
    let suffix = [".safetensors", ".ckpt", ".pt", ".pth", ".bin"].first { name.hasSuffix($0) }
    return String(name.dropLast(suffix?.count ?? 0))
  }

  private var folders: [String] { folders(of: "models", variable: "LDM_MODELS") }

  /// Where files of a kind are looked for: what the variable lists, the user's own, the system's, those beside the binary.
  func folders(of kind: String, variable: String) -> [String] {
    let own = (environment[variable] ?? "").split(separator: ":").map(String.init)
    let shared = ["/usr/share/ldm/\(kind)", "\(binaryFolder)/../share/ldm/\(kind)"]
    return own + [dataHome.map { "\($0)/ldm/\(kind)" }].compactMap { $0 } + shared
  }

  private var dataHome: String? {
    if let path = environment["XDG_DATA_HOME"], path.hasPrefix("/") { return path }
    return environment["HOME"].map { "\($0)/.local/share" }
  }

  /// Installed as `share/ldm/models/builtin`, or as SwiftPM lays its resources out.
  private var builtInPath: String? {
    let beside = "\(binaryFolder)/LatentDiffusion_BuiltInModel.resources/model"
    return (folders.map { "\($0)/\(Self.builtIn)" } + [beside]).first(where: isModel)
  }

  /// `models--OWNER--NAME/snapshots/REVISION`, named OWNER/NAME: the snapshot that `refs/main` names, else the only one.
  private func inHubCache(_ isWanted: (String) -> Bool) -> [Found] {
    guard let cache = hubCache else { return [] }
    return children(of: cache).compactMap { folder in
      guard folder.hasPrefix("models--") else { return nil }
      let name = folder.dropFirst("models--".count).replacingOccurrences(of: "--", with: "/")
      let main = try? String(contentsOfFile: "\(cache)/\(folder)/refs/main", encoding: .utf8)
      let revisions =
        [main?.trimmingCharacters(in: .whitespacesAndNewlines)].compactMap { $0 }
        + children(of: "\(cache)/\(folder)/snapshots")
      let paths = revisions.map { "\(cache)/\(folder)/snapshots/\($0)" }
      return paths.first(where: isWanted).map { Found(name: name, path: $0) }
    }
  }

  /// Where huggingface_hub keeps it.
  private var hubCache: String? {
    func given(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    let own = given("XDG_CACHE_HOME").flatMap { $0.hasPrefix("/") ? $0 : nil }
    let caches = own ?? environment["HOME"].map { "\($0)/.cache" }
    let home = given("HF_HOME") ?? caches.map { "\($0)/huggingface" }
    return given("HF_HUB_CACHE") ?? home.map { "\($0)/hub" }
  }

  private func children(of folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
  }

  private func isModel(_ path: String) -> Bool { Checkpoint.isModel(path) }
}
