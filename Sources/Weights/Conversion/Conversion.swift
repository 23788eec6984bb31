import Foundation

/// A model rewritten: as one file in CompVis' or Stability's layout, or as a folder in diffusers'.
public struct Conversion {
  private let checkpoint: Checkpoint
  private let type: ElementType?
  /// Writes a file at a path under the output, from pieces; a throw stops the conversion.
  private let progress: () throws -> Void

  /// - Parameters:
  ///   - type: of the weights; nil keeps each tensor's own. I8: of those that `Precision.int8` multiplies as integers, with
  ///     scales beside them; all else keeps its own.
  ///   - progress: called before each tensor; what it throws stops the conversion.
  public init(_ checkpoint: Checkpoint, as type: ElementType?, progress: @escaping () throws -> Void = {}) {
    (self.checkpoint, self.type, self.progress) = (checkpoint, type, progress)
  }

  // MARK: To a folder

  /// Writes diffusers' layout into `folder`, which is there and empty.
  ///
  /// - Parameter vocabulary: a byte-pair vocabulary from its merges.
  /// - Throws: `ConversionError`, `WeightsError`, and what writing throws.
  public func write(folder: String, vocabulary: ([Substring]) -> [String: Int]) throws {
    for part in checkpoint.parts {
      let config = try checkpoint.config(part)
      if part.hasSuffix("scheduler") {
        try write(config.json, "\(folder)/\(part)", "scheduler_config.json")
        continue
      }
      guard SingleFileParts.isPart(part) || part == "class_embedder" else { continue }
      let isText = part.hasPrefix("text_encoder") || part == "bert"
      try write(config.json, "\(folder)/\(part)", "config.json")
      let weights = try checkpoint.weights(part)
      let typeOf = typing(of: weights, in: part)
      let tensors = try weights.all.map { ($0, TensorPieces(parts: [try checked($1)], type: typeOf($0))) }
      try write(
        Dictionary(uniqueKeysWithValues: tensors), ["format": "pt"],
        to: "\(folder)/\(part)/\(isText ? "model" : "diffusion_pytorch_model").safetensors")
      if isText {
        let number = part == "bert" ? "" : part.dropFirst("text_encoder".count)
        try writeTokenizer("tokenizer\(number)", in: folder, vocabulary)
      }
    }
    if let defaults = FileManager.default.contents(atPath: "\(checkpoint.path)/ldm.json") {
      try write(defaults, folder, "ldm.json")
    }
    // What is not written may not be named.
    let left = ["safety_checker", "feature_extractor", "image_encoder"].map { ($0, JSONValue.null) }
    let index = checkpoint.index?.setting(Dictionary(uniqueKeysWithValues: left))
    if let index { try write(index.json, folder, "model_index.json") }
  }

  private func writeTokenizer(_ part: String, in folder: String, _ vocabulary: ([Substring]) -> [String: Int]) throws {
    let files = try checkpoint.tokenizer(part)
    // BERT's vocabulary lies in the folder, or beside a single file.
    let words = "\(files.folder)/vocab.txt"
    let found = [files.vocabulary, files.merges, files.tokenizer, files.added, Checkpoint.exists(words) ? words : nil]
    let names = ["vocab.json", "merges.txt", "tokenizer.json", "added_tokens.json", "vocab.txt"]
    for case (let path?, let name) in zip(found, names) {
      guard let data = FileManager.default.contents(atPath: path) else {
        throw WeightsError.unreadable(file: path, why: "cannot be read")
      }
      try write(data, "\(folder)/\(part)", name)
      if name == "merges.txt", files.vocabulary == nil {
        let json = try JSONSerialization.data(withJSONObject: vocabulary(Self.merges(data)), options: [.sortedKeys])
        try write(json, "\(folder)/\(part)", "vocab.json")
      }
    }
    if let config = files.config { try write(config.json, "\(folder)/\(part)", "tokenizer_config.json") }
  }

  private func write(_ data: Data, _ folder: String, _ name: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try data.write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
  }

  // MARK: To a file

  /// Writes one safetensors file at `path`. Configs that the layout has no place for travel in its metadata.
  ///
  /// - Parameter anyVocabulary: a vocabulary that is not CLIP's is left behind, and no error.
  /// - Throws: `ConversionError` where a part has no form in a single file; `WeightsError`, and what writing throws.
  public func write(file path: String, anyVocabulary: Bool = false) throws {
    if !anyVocabulary { try checkVocabulary() }
    let layout = try SingleFileLayout(checkpoint)
    var pieces: [String: [(place: Int, tensor: WeightTensor)]] = [:]
    var types: [String: ElementType] = [:]
    for (part, map) in layout.maps {
      let weights = try checkpoint.weights(part)
      let typeOf = typing(of: weights, in: part)
      for (name, tensor) in weights.all {
        // transformers 5 saves a bare tower without the prefix that public folders have.
        let isBare = part.hasPrefix("text_encoder") && !name.hasPrefix("text_")
        guard let found = map.singleName(isBare ? "text_model.\(name)" : name) else {
          // A buffer that public folders hold and OpenCLIP's names have no place for.
          if name.hasSuffix("position_ids") { continue }
          throw ConversionError.noPlace(tensor: name, part: part, file: checkpoint.path)
        }
        pieces[found.name, default: []] += try found.change.undone(on: checked(tensor), place: found.place)
        // Queries, keys and values that become one tensor are of one type.
        types[found.name] = typeOf(name)
      }
    }
    let tensors = pieces.map { name, parts in
      (name, TensorPieces(parts: parts.sorted { $0.place < $1.place }.map(\.tensor), type: types[name]))
    }
    try write(Dictionary(uniqueKeysWithValues: tensors), layout.metadata, to: path)
  }

  /// What a part's tensors become, by their names in diffusers' layout; nil: what they are.
  private func typing(of weights: Weights, in part: String) -> (String) -> ElementType? {
    guard type == .i8 else { return { _ in type } }
    let shapes = part == "unet" ? weights.shapes : [:]
    return { Int8Weights.areMultiplied($0, shapes) ? .i8 : nil }
  }

  /// Buffers are copied as they are; integers that stand for numbers need a sound scale.
  private func checked(_ tensor: WeightTensor) throws(WeightsError) -> WeightTensor {
    if tensor.type == .i8 { try tensor.checkNumbers(in: checkpoint.path) }
    return tensor
  }

  /// The lines of a merges.txt that hold a merge.
  private static func merges(_ data: Data) -> [Substring] {
    data.lines.filter { !$0.isEmpty && !$0.hasPrefix("#version") }
  }

  /// Words of its own have no place in a single file.
  private func checkVocabulary() throws {
    func lines(_ path: String) -> [Substring] { Self.merges(FileManager.default.contents(atPath: path) ?? Data()) }
    for part in checkpoint.parts where part.hasPrefix("text_encoder") {
      let files = try checkpoint.tokenizer("tokenizer" + part.dropFirst("text_encoder".count))
      if let merges = files.merges, lines(merges) != lines(try FamilyFiles.path("clip-merges.txt")) {
        throw ConversionError.vocabulary(file: files.folder)
      }
      if try files.addedTokens().contains(where: { $0.id >= 49408 }) {
        throw ConversionError.vocabulary(file: files.folder)
      }
    }
  }

  private func write(_ tensors: [String: TensorPieces], _ metadata: [String: String], to path: String) throws {
    guard FileManager.default.createFile(atPath: path, contents: nil),
      let handle = FileHandle(forWritingAtPath: path)
    else { throw WeightsError.unreadable(file: path, why: "cannot be created") }
    defer { try? handle.close() }
    let note = "int8: weight = I8 times F32 weight_scale, a scale for each output, symmetric"
    let isInt8 = tensors.values.contains { $0.written == .i8 }
    let metadata = isInt8 ? metadata.merging(["quantization": note]) { $1 } : metadata
    try SafetensorsWriter.stream(tensors, metadata: metadata) { bytes in
      try progress()
      guard let base = bytes.baseAddress else { return }
      // Not copied: the bytes are the source file's pages.
      try handle.write(
        contentsOf: Data(
          bytesNoCopy: UnsafeMutableRawPointer(mutating: base), count: bytes.count, deallocator: .none))
    }
    try handle.synchronize()
  }
}

/// Why a model cannot be rewritten.
public enum ConversionError: Error, Equatable, CustomStringConvertible {
  case noPlace(tensor: String, part: String, file: String)
  case noForm(part: String, file: String)
  case vocabulary(file: String)

  public var description: String {
    switch self {
    case .noPlace(let tensor, let part, let file): "\(file): \(tensor) of its \(part) has no name in a single file"
    case .noForm(let part, let file): "\(file): its \(part) has no form in a single file"
    case .vocabulary(let file): "\(file): not CLIP's vocabulary, and a single file holds none; keep it as a folder"
    }
  }
}
