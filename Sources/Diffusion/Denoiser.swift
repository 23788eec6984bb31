/// A network that predicts the noise (or the velocity, or the clean latents) in noisy latents.
public protocol Denoiser {
  /// Whether the network is told the strength of guidance, and so needs no second row for it.
  var embedsGuidance: Bool { get }
  /// The raw output of the network, `[R, C, h, w]`, for R rows at one timestep.
  func predict(_ input: DenoiserInput) throws -> Tensor
}

extension Denoiser {
  public var embedsGuidance: Bool { false }
}

/// One call of the network. Rows are `[unconditional, conditional]` under guidance, else one.
public struct DenoiserInput: Sendable {
  /// Latents scaled for the network, with the concatenated channels behind them: `[R, C + concatenated, h, w]`.
  public var latents: Tensor
  /// Training step, 0..<T; may be fractional.
  public var timestep: Double
  /// The text's tokens, `[R, T, D]`.
  public var context: Tensor?
  /// The text as a whole, `[R, P]`.
  public var pooled: Tensor?
  /// Sizes and scores, as many in each of R rows.
  public var micro: [[Double]]?
  /// For networks that embed it.
  public var guidance: Double?
  /// The same for all rows.
  public var label: Label?
  /// Of a step's several calls, for windows over the latents or for texts of very different lengths, which: what a
  /// denoiser keeps from one call to the next, it keeps of each.
  public var window = 0

  public init(latents: Tensor, timestep: Double, context: Tensor? = nil, label: Label? = nil) {
    self.latents = latents
    self.timestep = timestep
    self.context = context
    self.label = label
  }
}
