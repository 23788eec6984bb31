import Diffusion
import Foundation
import Inpainting

extension Run {
  /// Whether holes get their texture from the picture. Not where strength, a size to work at or another conditioner has its say
  /// in what the network makes.
  private var matchesTexture: Bool {
    let request = job.request
    guard !request.raw && request.strength == 1 && job.work == .auto else { return false }
    return request.matchesTexture ?? (job.conditioners.isEmpty && loaded.defaults.matchesTexture ?? false)
  }

  /// What was painted, with the texture of what is around it: from coarse to fine, as what is alike when small decides what may
  /// stand where (Wexler et al. 2007, "Space-time completion of video", section 3.3). nil where that is not wanted, or too
  /// little is known.
  ///
  /// Draws, at each size: the seed of the search, the start noise, and noise at each step.
  ///
  /// - Parameters: painted: `[1, 3, h, w]`, as large as `cut` or smaller; cut: `[1, 3, H, W]`; mask: `[1, 1, H, W]`.
  /// - Returns: `[1, 3, H, W]`, to be pasted where the mask is.
  func textured(_ painted: Tensor, over cut: Tensor, mask: Tensor) throws -> Tensor? {
    guard matchesTexture else { return nil }
    let (h, w) = (cut.shape[2], cut.shape[3])
    var result = painted
    var matches: PatchMatches?
    var scale = Double(loaded.nativeSize) / Double(max(h, w))
    while scale <= 0.75 {
      let small = reduced(cut, mask, to: loaded.size(Size(height: h, width: w), scaledBy: scale))
      result = try textured(result, over: small.picture, mask: small.mask, &matches)
      scale *= 2
    }
    // What a soft mask keeps of the picture is no part of what is painted.
    result = try textured(result, over: cut, mask: mask.map { $0 > 0 ? 1 : 0 }, &matches)
    return matches == nil ? nil : result
  }

  /// The same at one size: the hole copied together as `Filling` or the size before says, noised a little, and sampled again by
  /// the picture's own patches; as it is painted where too little is known.
  ///
  /// - Parameter matches: of the size before, nil at the first; then of this one.
  private func textured(
    _ painted: Tensor, over picture: Tensor, mask: Tensor, _ matches: inout PatchMatches?
  ) throws -> Tensor {
    let (h, w) = (picture.shape[2], picture.shape[3])
    let painted = painted.shape == picture.shape ? painted : painted.resized(height: h, width: w, .lanczos3)
    let canvas = loaded.padded(paste(painted, over: picture, mask: mask, seam: seam))
    // Mirrored, it shows the other halves of what is symmetric.
    let encoded = try [canvas, canvas.reversed(axis: 3)].map { try loaded.encode($0, .mean, noise: &noise) }
    // Autoencoders differ in what they call one; so do pictures in contrast.
    let unit = Float(max(encoded[0].standardDeviation, 1e-3))
    let hole = mask.paddedByReflection(height: canvas.shape[2], width: canvas.shape[3])
      .resized(height: encoded[0].shape[2], width: encoded[0].shape[3], .area)
    let (latents, holes) = (
      Tensor.concatenate(encoded, axis: 0) / unit, Tensor.concatenate([hole, hole.reversed(axis: 3)], axis: 0)
    )
    let schedule = try NoiseSchedule(SchedulerConfig())
    let seed = noise([1]).withElements { UInt64($0[0].bitPattern) }
    guard let denoiser = PatchDenoiser(latents: latents, mask: holes, coarse: matches, noise: schedule, seed: seed)
    else { return painted }
    var conditioning = Conditioning()
    conditioning.start = Start(latents: denoiser.start)
    var options = SamplerOptions()
    let sigmas = Self.textureSigmas(isFirst: matches == nil)
    (options.sigmas, options.prediction) = (sigmas, .sample)
    let sampler = try Samplers.named("euler-a").make(schedule, SchedulerConfig(), options)
    var settings = SampleSettings()
    (settings.steps, settings.guidance) = (sigmas.count, 1)
    let result = try sample(
      denoiser, conditioning, sampler, settings, shape: encoded[0].shape, noise: &noise
    ) { _, _ in try report("matching the texture") }
    matches = denoiser.matches
    return try decoded(result * unit, where: denoiser.matches.box, over: painted)
  }

  /// From where copies keep their shapes and lose their seams, to where nothing is seen of the noise. At larger sizes less of
  /// it: what noise outweighs the contrast of is shuffled, and a calm surface has little.
  private static func textureSigmas(isFirst: Bool) -> [Double] {
    let (start, end) = isFirst ? (0.15, 0.05) : (0.05, 0.02)
    return (0..<12).map { start * pow(end / start, Double($0) / 11) }
  }

  /// `picture` with the latents of a region, and what a decoder sees about them, decoded over it.
  private func decoded(_ latents: Tensor, where region: Region, over picture: Tensor) throws -> Tensor {
    let f = model.latentFactor
    let seen = region.widened(by: 16, in: latents.shape)
    let part = try loaded.decode(seen.cut(latents))
    let place = seen.scaled(by: f).clamped(to: Size(height: picture.shape[2], width: picture.shape[3]))
    var result = picture
    place.paste(part.cropped(top: 0, left: 0, height: place.rows.count, width: place.columns.count), on: &result)
    return result
  }
}
