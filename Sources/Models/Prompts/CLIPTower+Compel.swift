import Diffusion
import Foundation

/// compel's way with weights. Above 1, a token moves away from what it is in the empty prompt, and below 1 towards it;
/// moreover, for each part p of weight w < 1 the prompt is read once more without seeing p, as z₋p, and
///
///     (z + Σ tan((1 - w) π/2) z₋p) / (1 + Σ tan((1 - w) π/2))
///
/// takes its place: half way at w = 1/2, all the way at 0.
extension CLIPTower {
  func encodeCompel(_ prompt: Prompt) throws -> TextEncoding {
    let parts = try CompelPrompt(prompt.text).parts.map { try encode($0, prompt.clipSkip) }
    return TextEncoding(tokens: Tensor.concatenate(parts.map(\.tokens), axis: 1), pooled: parts[0].pooled)
  }

  private func encode(_ part: CompelPrompt.Part, _ skip: Int?) throws -> TextEncoding {
    var texts = try part.texts.map { try encode($0, skip) }
    guard texts.count > 1 || part.weight != 1 || part.shares[0] != 1 else { return texts[0] }
    let empty = try state(of: network([tokenizer.encode("")]), skip).tokens
    let length = texts.map { $0.tokens.shape[1] }.max()!
    func filled(_ tokens: Tensor) -> Tensor {
      let rest = (length - tokens.shape[1]) / empty.shape[1]
      return rest == 0 ? tokens : Tensor.concatenate([tokens] + Array(repeating: empty, count: rest), axis: 1)
    }
    for index in texts.indices { texts[index].tokens = filled(texts[index].tokens) }
    func blended(_ part: CompelPrompt.Part, _ tensors: [Tensor]) -> Tensor {
      zip(part.shares, tensors).map { Float($0) * $1 }.reduce(Tensor(zeros: tensors[0].shape), +)
    }
    var tokens = blended(part, texts.map(\.tokens))
    if part.weight != 1 { tokens = filled(empty) + Float(part.weight) * (tokens - filled(empty)) }
    let pooled = texts.compactMap(\.pooled)
    return TextEncoding(tokens: tokens, pooled: pooled.isEmpty ? nil : blended(part, pooled))
  }

  private func encode(_ pieces: [PromptPiece], _ skip: Int?) throws -> TextEncoding {
    let laid = tokenizer.compelWindows(of: pieces)
    func read(hiding places: ClosedRange<Int>?) throws -> (tokens: Tensor, pooled: Tensor?) {
      let states = try laid.windows.enumerated().map { index, window in
        let first = index * tokenizer.length
        let hidden = window.ids.indices.map { place in
          // The marks at a window's ends are always seen.
          place > 0 && place < tokenizer.length - 1 && places?.contains(first + place) == true
        }
        return try state(of: network([window.ids], hiding: hidden.contains(true) ? hidden : nil), skip)
      }
      let empty =
        try laid.windows.contains(where: \.isWeighted) ? state(of: network([tokenizer.encode("")]), skip) : nil
      let tokens = zip(laid.windows, states).map { window, state in
        empty.map { window.moved(state.tokens, from: $0.tokens) } ?? state.tokens
      }
      return (Tensor.concatenate(tokens, axis: 1), states[0].pooled)
    }
    let (whole, pooled) = try read(hiding: nil)
    var (sum, total) = (whole, 1.0)
    for (piece, places) in zip(pieces, laid.places) where piece.weight < 1 {
      guard let places else { continue }
      let factor = tan((1 - max(piece.weight, 1e-5)) * .pi / 2)
      sum = sum + Float(factor) * (try read(hiding: places).tokens)
      total += factor
    }
    let tokens = total == 1 ? whole : sum * Float(1 / total)
    return TextEncoding(tokens: withOneEnd(tokens, laid.windows), pooled: pooled)
  }

  /// Every window ends as the first does.
  private func withOneEnd(_ tokens: Tensor, _ windows: [PromptWindow]) -> Tensor {
    guard windows.count > 1 else { return tokens }
    let ends = windows.enumerated().map { index, window in
      index * tokenizer.length + (window.ids.firstIndex(of: tokenizer.end) ?? tokenizer.length - 1)
    }
    var result = tokens
    let width = tokens.shape[2]
    result.withMutableElements { out in
      for end in ends.dropFirst() { for i in 0..<width { out[end * width + i] = out[ends[0] * width + i] } }
    }
    return result
  }
}

extension CLIPTokenizer {
  /// Tokens in windows that end with a sentence, else behind punctuation, else with a word; and where each piece stands in all
  /// of them, nil for pieces without tokens.
  func compelWindows(of pieces: [PromptPiece]) -> (windows: [PromptWindow], places: [ClosedRange<Int>?]) {
    let tokens = pieces.map { self.tokens(of: $0.text) }
    var rest = zip(pieces, tokens).flatMap { piece, ids in ids.map { (id: $0, weight: piece.weight) } }[...]
    var windows: [PromptWindow] = []
    var places: [Int] = []
    let marks = [".", ",", ";", ":"].map { self.tokens(of: $0).last }
    let room = length - 2
    repeat {
      let ids = rest.prefix(room).map(\.id)
      func last(_ isEnd: (Int) -> Bool) -> Int? { ids.lastIndex(where: isEnd).map { $0 + 1 } }
      let count =
        rest.count <= room
        ? rest.count
        : last { $0 == marks[0] } ?? last { marks.contains($0) } ?? last(endsWord) ?? room
      places += (0..<count).map { windows.count * length + 1 + $0 }
      let taken = rest.prefix(count)
      let filler = Array(repeating: padding, count: room - count)
      windows.append(
        PromptWindow(
          ids: [start] + taken.map(\.id) + [end] + filler,
          weights: [1] + taken.map(\.weight) + Array(repeating: 1, count: room - count + 1)))
      rest = rest.dropFirst(count)
    } while !rest.isEmpty
    var first = 0
    let ranges = tokens.map { ids in
      defer { first += ids.count }
      return ids.isEmpty ? nil : places[first]...places[first + ids.count - 1]
    }
    return (windows, ranges)
  }
}
