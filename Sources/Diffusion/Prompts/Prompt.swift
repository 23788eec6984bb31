/// A text with how it is to be read.
public struct Prompt: Sendable, Equatable {
  public var text: String
  public var style: PromptStyle
  /// Which hidden state the UNet reads, counted from the last as AUTOMATIC1111 does: 1 is the last. nil: the model's own.
  public var clipSkip: Int?

  public init(_ text: String, style: PromptStyle = .plain, clipSkip: Int? = nil) {
    (self.text, self.style, self.clipSkip) = (text, style, clipSkip)
  }
}

/// What marks in a prompt mean, and how weights reach the tokens. Text without marks that fits one window is read alike by
/// all.
public enum PromptStyle: String, Sendable, CaseIterable {
  /// `(a)` 1.1, `[a]` 1/1.1, `(a:1.2)`, `\(`, BREAK; a backslash that escapes nothing is dropped; long texts in windows that
  /// end at a comma where one is near. Tokens are multiplied by their weight, then the window's mean is restored:
  /// AUTOMATIC1111's "Original" emphasis.
  case a1111
  /// `(a)` 1.1, `(a:1.2)`, `\(`; windows keep words whole. A token moves from what it is in the empty prompt to what it is
  /// in this one, and beyond, by its weight: ComfyUI's.
  case comfy
  /// `word+` 1.1, `word-` 0.9, `(some words)1.2`, `("a", "b").blend(0.7, 0.3)` and `.and()`, `withLora(name, 0.8)`; windows end
  /// with a sentence. Weights as in `comfy`, and parts of less than 1 are moreover blended with the prompt that does not see
  /// them: compel's (InvokeAI).
  case compel
  /// No marks, one window, the rest cut off: diffusers'.
  case plain
}
