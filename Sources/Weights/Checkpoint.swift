import Foundation

/// A model as it lies on disk: its parts under diffusers' names ("unet", "vae", "text_encoder", ...), whatever the
/// layout. Networks ask a part for its config and for tensors by diffusers' names; nothing above this knows of files.
public struct Checkpoint: Sendable {
  public let path: String
  private let layout: any CheckpointLayout

  /// A folder in diffusers' layout, one component's folder, or a single file of any family.
  ///
  /// - Parameter hints: what a single file may leave open.
  /// - Throws: `CheckpointError`, `WeightsError`, `ConfigError`.
  public init(at path: String, hints: CheckpointHints = CheckpointHints()) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw CheckpointError.noModel(path: path)
    }
    self.init(
      path: path,
      layout: isFolder.boolValue
        ? try DiffusersFolder(at: path) : try SingleFile(TensorFile(at: path), hints: hints))
  }

  init(path: String, layout: any CheckpointLayout) { (self.path, self.layout) = (path, layout) }

  /// A single file that is open already.
  ///
  /// - Throws: `CheckpointError.family` for files of other families.
  public init(_ file: TensorFile, hints: CheckpointHints = CheckpointHints()) throws {
    self.init(path: file.path, layout: try SingleFile(file, hints: hints))
  }

  /// Whether `path` is the folder of one part of a model.
  public static func isPart(_ path: String) -> Bool { DiffusersFolder.isPart(path) }

  /// Whether something that may be a model is at `path`; its content is not read.
  public static func isModel(_ path: String) -> Bool { DiffusersFolder.isModel(path) || TensorFile.isWeights(path) }

  /// Whether anything is at `path`.
  public static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

  /// The last component of the path.
  public var name: String { path.split(separator: "/").last.map(String.init) ?? path }
  /// The single file's family; nil for folders, and for an autoencoder alone.
  public var family: Family? { (layout as? SingleFile)?.family }
  /// The single file.
  public var file: TensorFile? { (layout as? SingleFile)?.file }
  /// Whether a single file's averaged weights take the place of those that training left.
  public var usesAverages: Bool { (layout as? SingleFile)?.usesEMA ?? false }
  /// What a user should know of guesses that were made.
  public var notes: [String] { layout.notes }
  /// Tensors of a single file that belong to no part.
  public var surplus: [String] { layout.surplus }
  /// What `model_index.json` says: the pipeline's class and its own settings.
  public var index: Config? { layout.index }
  /// Parts that have a config, sorted.
  public var parts: [String] { layout.parts }
  public func has(_ part: String) -> Bool { layout.parts.contains(part) }

  /// - Throws: `CheckpointError.part` where there is no such part.
  public func config(_ part: String) throws -> Config {
    try require(part)
    return try layout.config(part)
  }

  /// The part's tensors under diffusers' names; mapped, not read.
  public func weights(_ part: String) throws -> Weights {
    try require(part)
    return try layout.weights(part)
  }

  /// - Parameter part: "tokenizer", "tokenizer_2".
  public func tokenizer(_ part: String = "tokenizer") throws -> TokenizerFiles { try layout.tokenizer(part) }

  /// What a tower for pictures wants done to them; nil where nothing is said.
  public var preprocessor: Config? { get throws { try layout.preprocessor } }

  private func require(_ part: String) throws {
    guard has(part) else { throw CheckpointError.part(part, file: path, parts: parts) }
  }
}

/// One way of laying a model out on disk.
protocol CheckpointLayout: Sendable {
  var index: Config? { get }
  var parts: [String] { get }
  func config(_ part: String) throws -> Config
  func weights(_ part: String) throws -> Weights
  func tokenizer(_ part: String) throws -> TokenizerFiles
  var preprocessor: Config? { get throws }
  var notes: [String] { get }
  var surplus: [String] { get }
}

extension CheckpointLayout {
  var preprocessor: Config? { nil }
  var notes: [String] { [] }
  var surplus: [String] { [] }
}

/// What the user says of a single file whose keys cannot tell it.
public struct CheckpointHints: Sendable, Equatable {
  /// "epsilon", "v_prediction" or "sample", as scheduler configs spell them.
  public var prediction: String?

  public init(prediction: String? = nil) { self.prediction = prediction }
}

/// The files of a byte-pair tokenizer: a vocabulary with merges, merges alone, or a tokenizer.json.
public struct TokenizerFiles: Sendable {
  public var vocabulary: String?
  public var merges: String?
  public var tokenizer: String?
  /// added_tokens.json
  public var added: String?
  public var config: Config?
  /// For messages.
  public var folder: String
}

/// What can be wrong with a model as a whole.
public enum CheckpointError: Error, Equatable, CustomStringConvertible {
  case noModel(path: String)
  case part(String, file: String, parts: [String])
  /// A file of a family that this engine does not know.
  case family(String, found: String)
  /// A file that ships with the program is not there.
  case resource(String, folder: String)

  public var description: String {
    switch self {
    case .noModel(let path):
      "\(path): no model here; expected a folder with model_index.json, or with unet/ and vae/, or a file of weights"
    case .family(let file, let found): "\(file): \(found)"
    case .resource(let name, let folder): "\(name) is not beside the program (\(folder)); install it again"
    case .part(let part, let file, let parts):
      "\(file): holds no \(part)" + (parts.isEmpty ? "" : ", only \(parts.joined(separator: ", "))")
    }
  }
}
