import Diffusion

/// A low-resolution picture as a condition: noised to a level that the UNet is told, and appended to its input
/// (Rombach et al. 2022, arXiv 2112.10752, sec. 4.4; the noise is Ho et al.'s conditioning augmentation, arXiv 2106.15282).
///
/// The super-resolution model of 2021 takes the picture as it is and no level.
///
/// Draws the noise of the low-resolution picture, where the model takes a level; the start noise follows in the loop.
public struct SuperResolution: Conditioner {
  private let projects: Bool

  /// - Parameter projects: whether the result is projected back to the picture, and its detail matched, unless the request
  ///   says `raw`; not where the caller does it.
  public init(projects: Bool = true) { self.projects = projects }

  public func condition(
    _ request: Request, with model: any ConditioningModel, noise: inout Noise
  ) throws -> Conditioning {
    let low = try request.required(\.image, "a picture", by: "super-resolution")
    guard model.inputChannels == model.latentChannels + 3 else {
      throw ConditioningError.unsuited(model: model.name, to: "super-resolution")
    }
    var result = Conditioning()
    if let schedule = model.lowResolutionSchedule {
      let level = try level(request, model, schedule)
      let alphaBar = schedule.alphaBars[level]
      result.concatenated = low * alphaBar.squareRoot() + noise(low.shape) * (1 - alphaBar).squareRoot()
      result.label = .index(level)
    } else {
      guard request.noiseLevel == nil else {
        throw ConditioningError.range(
          what: "the noise level", found: "\(request.noiseLevel!)", expected: "left out: \(model.name) takes none")
      }
      result.concatenated = low
    }
    if projects && !request.raw {
      result.compose = [{ picture in finished(picture, of: low, matchesDetail: request.matchesDetail ?? false) }]
    }
    return result
  }

  private func level(
    _ request: Request, _ model: any ConditioningModel, _ schedule: NoiseSchedule
  ) throws(ConditioningError) -> Int {
    let level = request.noiseLevel ?? model.defaultNoiseLevel
    let highest = model.maximumNoiseLevel ?? schedule.alphaBars.count - 1
    guard (0...highest).contains(level) else {
      throw .range(what: "the noise level", found: "\(level)", expected: "0...\(highest)")
    }
    return level
  }
}

/// A decoded picture `[1, 3, k h, k w]` as the enlargement of `low`, `[1, 3, h, w]`.
public func finished(_ picture: Tensor, of low: Tensor, matchesDetail: Bool) -> Tensor {
  guard matchesDetail else { return backProjected(picture, to: low) }
  // Before, so that a wrong colour is not taken for detail; after, as what is scaled down has some of the input in it.
  return backProjected(detailMatched(backProjected(picture, to: low, times: 1), to: low), to: low, times: 1)
}

/// x ← x + up(low - down(x)), so many times: the coarse content of the result is the input's (Irani & Peleg 1991, "Improving
/// resolution by image registration").
///
/// - Parameters: picture: `[1, 3, k h, k w]`; low: `[1, 3, h, w]`.
public func backProjected(_ picture: Tensor, to low: Tensor, times: Int = 2) -> Tensor {
  var x = picture
  for _ in 0..<times {
    let down = x.resized(height: low.shape[2], width: low.shape[3], .bicubicAntialiased)
    let correction = (low - down).resized(height: x.shape[2], width: x.shape[3], .bicubicAntialiased)
    x = x + correction
  }
  return x
}
