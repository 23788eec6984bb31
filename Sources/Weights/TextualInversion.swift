import Tensors

/// Vectors that stand for a word in a text encoder's table (Gal et al. 2022, arXiv:2208.01618).
///
/// Reads AUTOMATIC1111's files (`string_to_param`, `emb_params`), diffusers' (the word is the tensor's name), and the pairs
/// of SDXL (`clip_l`, `clip_g`).
public struct TextualInversion: Sendable {
  public let file: String
  /// The words: the one that was given; else the file's name, and the one that a file of diffusers names.
  public let words: [String]
  private let vectors: Vectors

  private enum Vectors {
    case single(WeightTensor)
    /// Of SDXL's first text encoder and of its second.
    case pair(WeightTensor?, WeightTensor?)
  }

  /// - Parameter word: nil: by the file.
  /// - Throws: `WeightsError`; `.adapter` for files of something else.
  public init(at path: String, word: String? = nil) throws(WeightsError) {
    let source = try TensorFile(at: path)
    let tensors = source.tensors.filter { $1.type.isWeight && (1...2).contains($1.shape.count) && $1.count > 0 }
    let name = path.split(separator: "/").last ?? ""
    // Without its extension, where it has one.
    let stem = name.dropFirst().lastIndex(of: ".").map { name[..<$0] } ?? name
    func part(_ names: String...) -> WeightTensor? { names.lazy.compactMap { tensors[$0] }.first }
    let (first, second) = (part("clip_l", "text_encoders_0"), part("clip_g", "text_encoders_1"))
    var words = [String(stem)]
    if first != nil || second != nil {
      vectors = .pair(first, second)
    } else {
      let params = tensors.filter { $0.key.hasPrefix("string_to_param.") }
      let candidates = params.isEmpty ? tensors : params
      guard candidates.count == 1, source.tensors.count <= 2, let (key, tensor) = candidates.first else {
        throw .adapter(
          file: path, why: "holds no textual inversion, only tensors as \(source.tensors.keys.min() ?? "nothing")")
      }
      vectors = .single(tensor)
      if params.isEmpty && key != "emb_params" { words.append(key) }
    }
    file = path
    self.words = (word.map { [$0] } ?? words).filter { !$0.isEmpty }
    guard !self.words.isEmpty else { throw .adapter(file: path, why: "no word stands for its vectors") }
  }

  /// The vectors for a text encoder, `[vectors, width]`.
  ///
  /// - Parameters:
  ///   - part: "text_encoder", "text_encoder_2".
  ///   - parts: how many the model has.
  ///   - width: of its table.
  ///   - model: for messages.
  /// - Throws: `WeightsError.adapter` where they are for another family.
  public func vectors(
    for part: String, of parts: Int, width: Int, model: String
  ) throws(WeightsError) -> Tensor {
    func another(_ why: String) -> WeightsError { .adapter(file: file, why: "\(why); it is for another family") }
    let found: WeightTensor?
    switch vectors {
    case .single(let tensor):
      guard parts == 1 else { throw another("has vectors for one text encoder, \(model) has \(parts)") }
      found = tensor
    case .pair(let first, let second):
      guard parts > 1 || part == "text_encoder_2" else {
        throw another("has vectors for two text encoders (SDXL), \(model) has one")
      }
      found = part == "text_encoder_2" ? second : first
    }
    guard let found else { throw another("has no vectors for \(model)'s \(part)") }
    guard found.shape.last == width else {
      throw another("its vectors are \(found.shape.last ?? 0) wide, \(model)'s \(part) reads \(width)")
    }
    return found.tensor().reshaped([found.count / width, width])
  }
}
