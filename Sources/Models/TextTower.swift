import Diffusion
import Layers

/// A tokenizer and the network that reads its tokens.
public protocol TextTower: Sendable {
  /// Width of a token.
  var width: Int { get }
  /// Of the text as a whole; nil where the tower gives none.
  var pooledWidth: Int? { get }
  /// Text → tokens `[1, T, width]`, and the text as a whole.
  ///
  /// - Throws: `ConditioningError.range` where the tower does not know the text.
  func encode(_ text: String) throws -> TextEncoding
}

/// CLIP's tower as a UNet reads it.
public struct CLIPTower: TextTower {
  /// Which hidden state the UNet reads.
  public enum Layer: Sendable {
    /// The last, after the final norm: Stable Diffusion.
    case last
    /// The one before it, not normalised: SDXL (Podell et al. 2023, arXiv:2307.01952, sec. 2.1).
    case penultimate
  }

  public let tokenizer: CLIPTokenizer
  public let network: CLIPTextModel
  public let layer: Layer

  public init(_ tokenizer: CLIPTokenizer, _ network: CLIPTextModel, _ layer: Layer) {
    (self.tokenizer, self.network, self.layer) = (tokenizer, network, layer)
  }

  public var width: Int { network.config.width }
  public var pooledWidth: Int? { layer == .penultimate ? network.projectedWidth : nil }

  public func encode(_ text: String) -> TextEncoding {
    let output = network([tokenizer.encode(text)])
    switch layer {
    case .last: return TextEncoding(tokens: output.last)
    case .penultimate:
      return TextEncoding(
        tokens: output.hidden[output.hidden.count - 2], pooled: network.projectedWidth == nil ? nil : output.pooled)
    }
  }
}

extension [any TextTower] {
  /// The towers' tokens side by side; the text as a whole from the last tower that gives one.
  func encode(_ text: String) throws -> TextEncoding {
    let parts = try map { try $0.encode(text) }
    return TextEncoding(
      tokens: Tensor.concatenate(parts.map(\.tokens), axis: 2), pooled: parts.compactMap(\.pooled).last)
  }
}
