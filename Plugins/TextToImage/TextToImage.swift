import Diffusion

/// Text as a condition: sets what the UNet's cross-attention reads at each step, what guidance steers away from and, for
/// models that are told the picture's sizes with the text, those. Each distinct text is encoded once.
///
/// Draws no noise. With it alone, sampling starts from pure noise: text to image.
public struct TextToImage: Conditioner {
  public init() {}

  public func condition(
    _ request: Request, with model: any ConditioningModel, noise: inout Noise
  ) throws -> Conditioning {
    var result = Conditioning()
    guard model.readsText else { return result }
    if let tag = try request.negative.loraTags().first {
      throw ConditioningError.range(
        what: "the negative prompt", found: "one with the LoRA \(tag.name)",
        expected: "words; LoRAs stand in the prompt")
    }
    var known: [String: TextEncoding] = [:]
    func course(_ prompt: Prompt, weight: Double = 1) throws -> TextCourse {
      if prompt.changes && request.steps == nil {
        throw ConditioningError.missing(what: "the number of steps", by: "a prompt that changes along them")
      }
      return try TextCourse(prompt.course(steps: max(request.steps ?? 1, 1)), weight: weight) { prompt in
        if let encoding = known[prompt.text] { return encoding }
        let encoding = try model.encode(prompt)
        known[prompt.text] = encoding
        return encoding
      }
    }
    result.context = try request.positive.withoutTags().composed().map { try course($0.prompt, weight: $0.weight) }
    guard !request.negativePrompt.isEmpty || model.encodesNothing else { return result }
    result.negative =
      request.negativePrompt.isEmpty && model.emptyNegativeIsZero
      ? result.context.first.map { TextCourse($0.encodings[0].zeroed) } : try course(request.negative)
    result.micro = model.microConditioning.map { MicroConditions($0, of: request.size) }
    return result
  }
}
