import Diffusion

/// Repaints where the mask is 1 and keeps the rest.
///
/// A UNet whose input holds the mask and the latents of what is kept was trained to; with one that takes latents alone, the kept
/// part is put back after every step (RePaint's idea, Lugmayr et al. 2022, arXiv 2201.09865, with the one start noise).
///
/// Draws, in the reference pipelines' order. Trained to inpaint, at strength 1: start noise, posterior of the masked picture;
/// below 1: posterior of the picture, start noise, posterior of the masked picture. Latents alone: posterior of the
/// picture, start noise, and one draw that nothing uses but that moves the generator.
public struct Inpainting: Conditioner {
  private let pastes: Bool

  /// - Parameter pastes: whether the result is pasted over the picture, unless the request says `raw`; not where the caller
  ///   does it.
  public init(pastes: Bool = true) { self.pastes = pastes }

  public func condition(
    _ request: Request, with model: any ConditioningModel, noise: inout Noise
  ) throws -> Conditioning {
    let picture = try request.required(\.image, "a picture", by: "inpainting")
    let mask = try request.required(\.mask, "a mask", by: "inpainting")
    let size = Array(picture.shape[2...])
    guard mask.shape == [1, 1] + size else {
      throw ConditioningError.shape(what: "the mask", found: mask.shape, expected: [1, 1] + size)
    }
    var result = Conditioning()
    let paint = latentMask(mask, request.maskMode, factor: model.latentFactor)
    if model.inputChannels == model.latentChannels {
      let before = noise.draws
      let known = try model.encode(picture, request.encoding ?? .sample, noise: &noise)
      // By the mean, and by an autoencoder without a posterior, nothing is drawn.
      let isDrawn = noise.draws > before
      let start = noise(known.shape)
      if isDrawn { _ = noise(known.shape) }
      result.start = Start(latents: request.strength < 1 ? known : nil, noise: start, strength: request.strength)
      let everyChannel = Tensor.concatenate(Array(repeating: paint, count: known.shape[1]), axis: 1)
      result.constrain = [
        { x, step in everyChannel * x + (everyChannel * -1 + 1) * step.noised(known, with: start) }
      ]
    } else if let input = model.inpaintingInput {
      let known = request.strength < 1 ? try model.encode(picture, request.encoding ?? .sample, noise: &noise) : nil
      let shape = [1, model.latentChannels] + paint.shape[2...]
      result.start = Start(latents: known, noise: noise(shape), strength: request.strength)
      let masked = try model.encode(
        blanked(picture, where: mask, with: input.hole), request.encoding ?? .sample, noise: &noise)
      result.concatenated = input.joined(paint, masked)
    } else {
      throw ConditioningError.unsuited(model: model.name, to: "inpainting")
    }
    let seam = request.matchesBorder == true ? Seam.border : .decoder
    if pastes && !request.raw {
      result.compose = [{ painted in paste(painted, over: picture, mask: mask, seam: seam) }]
    }
    return result
  }
}

/// For a UNet trained to inpaint: nothing is known and all is to be painted. With it such a model does text to image
/// and image to image. Draws nothing.
public struct BlankCanvas: Conditioner {
  public init() {}

  public func condition(
    _ request: Request, with model: any ConditioningModel, noise: inout Noise
  ) throws -> Conditioning {
    guard let input = model.inpaintingInput else {
      throw ConditioningError.unsuited(model: model.name, to: "inpainting")
    }
    let blank = Tensor(repeating: input.hole, shape: [1, 3, request.size.height, request.size.width])
    let latents = try model.encode(blank, .mean, noise: &noise)
    var result = Conditioning()
    result.concatenated = input.joined(Tensor(repeating: 1, shape: [1, 1] + latents.shape[2...]), latents)
    return result
  }
}

extension InpaintingInput {
  /// What stands where the picture is to be painted, in -1...1.
  fileprivate var hole: Float { self == .maskFirst ? 0 : -1 }

  /// - Parameter paint: 1 where latents are to be painted, else 0.
  fileprivate func joined(_ paint: Tensor, _ masked: Tensor) -> Tensor {
    switch self {
    case .maskFirst: Tensor.concatenate([paint, masked], axis: 1)
    case .maskLast: Tensor.concatenate([masked, paint * 2 - 1], axis: 1)
    }
  }
}
