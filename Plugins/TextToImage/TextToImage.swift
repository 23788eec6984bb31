import Diffusion

/// Text as a condition: sets what the UNet's cross-attention reads, what guidance steers away from and, for models that
/// are told the picture's sizes with the text, those.
///
/// Draws no noise. With it alone, sampling starts from pure noise: text to image.
public struct TextToImage: Conditioner {
  public init() {}

  public func condition(
    _ request: Request, with model: any ConditioningModel, noise: inout Noise
  ) throws -> Conditioning {
    var result = Conditioning()
    guard model.readsText else { return result }
    result.context = try model.encode(request.positive.withoutTags())
    if let tag = try request.negative.loraTags().first {
      throw ConditioningError.range(
        what: "the negative prompt", found: "one with the LoRA \(tag.name)",
        expected: "words; LoRAs stand in the prompt")
    }
    result.negative =
      try request.negativePrompt.isEmpty && model.emptyNegativeIsZero
      ? result.context?.zeroed : model.encode(request.negative)
    result.micro = model.microConditioning.map { MicroConditions($0, of: request.size) }
    return result
  }
}
