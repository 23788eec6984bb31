import Diffusion
import Layers

/// A tokenizer and the network that reads its tokens.
public protocol TextTower: Sendable {
  /// Width of a token.
  var width: Int { get }
  /// Of the text as a whole; nil where the tower gives none.
  var pooledWidth: Int? { get }
  /// Whether it knows what no words are.
  var encodesNothing: Bool { get }
  /// Text → tokens `[1, T, width]`, and the text as a whole.
  ///
  /// - Throws: `ConditioningError.range` where the tower does not know the text.
  func encode(_ text: String) throws -> TextEncoding
  /// The same, with the prompt's marks obeyed; a tower that knows none takes all as words.
  func encode(_ prompt: Prompt) throws -> TextEncoding
}

extension TextTower {
  public var encodesNothing: Bool { true }
  public func encode(_ prompt: Prompt) throws -> TextEncoding { try encode(prompt.text) }
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

  /// With the vectors `[n, width]` where `words` stand, which may also be written as ComfyUI does, `embedding:WORD`.
  func adding(_ words: [String], _ vectors: Tensor) -> CLIPTower {
    let (network, first) = network.adding(vectors)
    let ids = Array(first..<(first + vectors.shape[0]))
    let spellings = words + words.map { "embedding:\($0)" }
    return CLIPTower(spellings.reduce(tokenizer) { $0.adding($1, ids) }, network, layer)
  }

  public var width: Int { network.config.width }
  public var pooledWidth: Int? { layer == .penultimate ? network.projectedWidth : nil }

  public func encode(_ text: String) throws -> TextEncoding { try encode(Prompt(text)) }

  /// The windows' tokens one after another, `[1, windows T, width]`; the text as a whole from the first.
  public func encode(_ prompt: Prompt) throws -> TextEncoding {
    if prompt.style == .compel { return try encodeCompel(prompt) }
    let windows = tokenizer.windows(of: prompt)
    let states = try windows.map { try state(of: network([$0.ids]), prompt.clipSkip) }
    var tokens = states.map(\.tokens)
    if windows.contains(where: \.isWeighted) {
      let empty = try prompt.style == .comfy ? state(of: network([tokenizer.encode("")]), prompt.clipSkip).tokens : nil
      tokens = zip(windows, tokens).map { window, tokens in
        empty.map { window.moved(tokens, from: $0) } ?? window.scaled(tokens)
      }
    }
    return TextEncoding(tokens: Tensor.concatenate(tokens, axis: 1), pooled: states[0].pooled)
  }

  /// - Parameter skip: AUTOMATIC1111's count, 1 for the last hidden state; nil for the layer that the model was made for.
  func state(of output: CLIPTextModel.Output, _ skip: Int?) throws -> TextEncoding {
    let usual = layer == .last ? 1 : 2
    let skip = skip ?? usual
    guard (1..<output.hidden.count).contains(skip) else {
      throw ConditioningError.range(
        what: "clip skip", found: "\(skip)", expected: "1 to \(output.hidden.count - 1) for this text encoder")
    }
    let hidden = output.hidden[output.hidden.count - skip]
    switch layer {
    case .last: return TextEncoding(tokens: skip == 1 ? output.last : network.normalized(hidden))
    case .penultimate:
      return TextEncoding(tokens: hidden, pooled: network.projectedWidth == nil ? nil : output.pooled)
    }
  }
}

extension [any TextTower] {
  /// The towers' tokens side by side; the text as a whole from the last tower that gives one.
  /// Towers that cut a text into windows differently are filled up with windows of no words.
  func encode(_ prompt: Prompt) throws -> TextEncoding {
    var parts = try map { try $0.encode(prompt) }
    let length = parts.map { $0.tokens.shape[1] }.max() ?? 0
    for index in parts.indices {
      while parts[index].tokens.shape[1] < length {
        let empty = try self[index].encode(Prompt("", style: prompt.style, clipSkip: prompt.clipSkip))
        parts[index].tokens = Tensor.concatenate([parts[index].tokens, empty.tokens], axis: 1)
      }
    }
    return TextEncoding(
      tokens: Tensor.concatenate(parts.map(\.tokens), axis: 2), pooled: parts.compactMap(\.pooled).last)
  }
}
