import Diffusion

/// What may be left out of the UNet's work, at a price in exactness; nothing by default.
public struct Approximation: Sendable, Equatable {
  /// The UNet's deep layers are run at every so-many-th call; the calls between take what they gave. 1: at all calls.
  public var deepInterval = 1
  /// Share of the tokens that are merged away for self-attention at the highest resolution that has it, 0...0.75.
  public var mergedTokens = 0.0

  public init() {}

  /// - Throws: `SamplerError.range` where a run is too short for the interval.
  public func check(steps: Int) throws(SamplerError) {
    guard deepInterval == 1 || deepInterval <= steps / 2 else {
      throw .range(what: "deep-cache", found: "\(deepInterval)", expected: "at most half of the \(steps) steps")
    }
  }

  /// `model`, less what is left out; for one run.
  ///
  /// - Parameter seed: decides which tokens others are merged into.
  /// - Throws: `ConditioningError.unsuited` where the model has no tokens to merge.
  public func of(_ model: Model, seed: UInt64) throws(ConditioningError) -> any Denoiser {
    guard self != Approximation() else { return model }
    guard mergedTokens == 0 || model.unet.config.mergedLevel != nil else {
      throw .unsuited(model: model.name, to: "token merging: no tokens attend to each other in it")
    }
    return ApproximateModel(model, self, seed: seed)
  }
}

/// A model that remembers, from call to call of one run, what it need not compute again: DeepCache, Ma et al. 2023,
/// arXiv:2312.00858, sec. 3.2, uniform 1:N, with the shortest of the paths (only the last ResNet block is run, on the first
/// skip); and merges tokens.
private final class ApproximateModel: Denoiser {
  private struct Memory {
    var calls = 0
    /// As `UNet.run` gave it.
    var deep: Tensor?
  }

  private let model: Model
  private let approximation: Approximation
  private let seed: UInt64
  /// Of each window.
  private var memories: [Int: Memory] = [:]

  init(_ model: Model, _ approximation: Approximation, seed: UInt64) {
    (self.model, self.approximation, self.seed) = (model, approximation, seed)
  }

  var embedsGuidance: Bool { model.embedsGuidance }

  func predict(_ input: DenoiserInput) throws -> Tensor {
    var memory = memories[input.window] ?? Memory()
    let merging =
      approximation.mergedTokens > 0
      // Other destinations at each call: what one loses is there at the next.
      ? TokenMerging(share: approximation.mergedTokens, seed: seed &+ UInt64(memory.calls) << 32) : nil
    let kept = memory.calls % approximation.deepInterval == 0 ? nil : memory.deep
    let (output, deep) = try model.predict(input, deep: kept?.last(input.latents.shape[0]), merging: merging)
    memory.calls += 1
    if approximation.deepInterval > 1 { memory.deep = deep }
    memories[input.window] = memory
    return output
  }
}

extension Tensor {
  /// The last rows, or the one that all of them are: guidance steers away from the first, and may be off at a call. nil where
  /// there are not so many.
  fileprivate func last(_ rows: Int) -> Tensor? {
    let own = shape[0]
    if own == rows { return self }
    return own > rows ? slice(axis: 0, (own - rows)..<own) : nil
  }
}
