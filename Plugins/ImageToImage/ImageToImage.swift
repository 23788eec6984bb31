import Diffusion

/// A picture to start from: its latents, noised as far as `strength` says (SDEdit, Meng et al. 2021, arXiv 2108.01073).
///
/// Draws the posterior's sample (unless encoding by the mean), then the start noise.
public struct ImageToImage: Conditioner {
  public init() {}

  public func condition(
    _ request: Request, with model: any ConditioningModel, noise: inout Noise
  ) throws -> Conditioning {
    let picture = try request.required(\.image, "a picture", by: "image to image")
    let latents = try model.encode(picture, request.encoding ?? .sample, noise: &noise)
    var result = Conditioning()
    result.start = Start(latents: latents, noise: noise(latents.shape), strength: request.strength)
    return result
  }
}
