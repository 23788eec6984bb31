import Diffusion

/// One window of a text tower: as many ids, each with its weight.
public struct PromptWindow: Sendable, Equatable {
  public var ids: [Int]
  public var weights: [Double]

  public var isWeighted: Bool { weights.contains { $0 != 1 } }
}

extension CLIPTokenizer {
  /// The prompt's tokens in windows of this tokenizer's length, each between start and end and padded.
  public func windows(of prompt: Prompt) -> [PromptWindow] {
    guard prompt.style != .plain else {
      return [PromptWindow(ids: encode(prompt.text), weights: Array(repeating: 1, count: length))]
    }
    guard prompt.style != .compel else { return compelWindows(of: prompt.pieces()).windows }
    var filler = WindowFiller(room: length - 2)
    for piece in prompt.pieces() {
      if piece.isBreak {
        filler.close()
      } else if prompt.style == .comfy {
        // Word by word: a window may not end within one.
        let words = piece.text.split(whereSeparator: \.isWhitespace)
        for word in words { filler.add(word: tokens(of: String(word)), piece.weight) }
      } else {
        filler.add(tokens(of: piece.text), piece.weight, comma: comma, extent: extent)
      }
    }
    return filler.finished().map(padded)
  }

  private func padded(_ tokens: [WindowFiller.Token]) -> PromptWindow {
    let rest = length - 2 - tokens.count
    return PromptWindow(
      ids: [start] + tokens.map(\.id) + [end] + Array(repeating: padding, count: rest),
      weights: [1] + tokens.map(\.weight) + Array(repeating: 1, count: rest + 1))
  }

  private var comma: Int? { tokens(of: ",").last }
}

/// Lays tokens into windows.
private struct WindowFiller {
  struct Token {
    let id: Int
    let weight: Double
  }

  /// Tokens of a window, without its start and end.
  let room: Int
  private var windows: [[Token]] = []
  private var current: [Token] = []
  private var lastComma: Int?

  init(room: Int) { self.room = room }

  /// AUTOMATIC1111's way: where a window is full, what follows its last comma moves to the next, if that is at most 20 tokens.
  ///
  /// - Parameter extent: how many tokens from an id on are to stand in one window.
  mutating func add(_ ids: [Int], _ weight: Double, comma: Int?, extent: (Int) -> Int) {
    for id in ids {
      if id == comma {
        lastComma = current.count
      } else if current.count == room, let place = lastComma, current.count - place <= 20 {
        let moved = Array(current[(place + 1)...])
        current.removeSubrange((place + 1)...)
        close()
        current = moved
      }
      let whole = extent(id)
      if current.count == room || current.count + whole > room && whole <= room { close() }
      current.append(Token(id: id, weight: weight))
    }
  }

  /// ComfyUI's way: a word of fewer than 8 tokens that does not fit begins the next window.
  mutating func add(word ids: [Int], _ weight: Double) {
    var rest = ids[...]
    while current.count + rest.count > room {
      if ids.count >= min(8, room) {
        let fitting = rest.prefix(room - current.count)
        current += fitting.map { Token(id: $0, weight: weight) }
        rest = rest.dropFirst(fitting.count)
      }
      close()
    }
    current += rest.map { Token(id: $0, weight: weight) }
  }

  mutating func close() {
    windows.append(current)
    (current, lastComma) = ([], nil)
  }

  mutating func finished() -> [[Token]] {
    if !current.isEmpty || windows.isEmpty { close() }
    return windows
  }
}

extension PromptWindow {
  /// Each of `tokens` `[1, T, D]` by its weight, then all by what restores their mean.
  func scaled(_ tokens: Tensor) -> Tensor {
    guard isWeighted else { return tokens }
    let weighted = eachToken(of: tokens) { value, weight, _ in value * weight }
    let mean = weighted.mean
    return mean == 0 ? weighted : weighted * Float(tokens.mean / mean)
  }

  /// e + w (z - e), e the token in the same place of the empty prompt.
  func moved(_ tokens: Tensor, from empty: Tensor) -> Tensor {
    empty.withElements { empty in eachToken(of: tokens) { (($0 - empty[$2]) * $1) + empty[$2] } }
  }

  private func eachToken(of tokens: Tensor, _ body: (Float, Float, Int) -> Float) -> Tensor {
    let width = tokens.shape[2]
    var result = tokens
    result.withMutableElements { out in
      for (token, weight) in weights.enumerated() where weight != 1 {
        for i in (token * width)..<((token + 1) * width) { out[i] = body(out[i], Float(weight), i) }
      }
    }
    return result
  }
}
