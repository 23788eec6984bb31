import Diffusion
import Layers
import Weights

/// Classes in place of text: a prompt is the number of a class, and no prompt is the class of all pictures, the table's last
/// (the class-conditional ImageNet model of Rombach et al. 2022, arXiv 2112.10752, sec. 4.4; Ho & Salimans 2022,
/// arXiv 2207.12598). A checkpoint has it as the part `class_embedder`: `num_classes` and `embed_dim` in its config, and
/// `unconditional`, false where the table has no such row; `embedding.weight` in its weights.
public struct ClassEmbedder: TextTower {
  public let width: Int
  public let encodesNothing: Bool
  private let table: WeightTensor

  /// - Throws: `ConfigError`, `WeightsError`.
  public init(_ p: Parameters, config: Config) throws {
    let count = try config.integer("num_classes", default: 1001)
    width = try config.integer("embed_dim", default: 512)
    encodesNothing = try config.bool("unconditional", default: true)
    guard count > 1, width > 0 else { throw config.invalid("num_classes", "a number above 1") }
    table = try p.weights["embedding"].tensor("weight", [count, width])
  }

  public var pooledWidth: Int? { nil }

  /// - Returns: one token, `[1, 1, width]`.
  /// - Throws: `ConditioningError.range` where the text is no class.
  public func encode(_ text: String) throws -> TextEncoding {
    let last = table.shape[0] - 1
    let word = text.trimmingPrefix { $0.isWhitespace }.prefix { !$0.isWhitespace }
    let none = encodesNothing ? last : nil
    guard let row = word.isEmpty ? none : Int(word), (0...last).contains(row) else {
      let highest = encodesNothing ? last - 1 : last
      throw ConditioningError.range(what: "the class", found: text, expected: "a number from 0 to \(highest)")
    }
    return TextEncoding(tokens: table.rows([row]).reshaped([1, 1, width]))
  }
}
