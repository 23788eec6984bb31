import Diffusion
import Foundation
import Models

/// The ideal denoiser of one picture's patches: the clean latent that is expected in the middle of a noisy window X, if the
/// window is one of those that are known.
///
///     x̂₀ = Σ wᵢ zᵢ,  w = softmax(-|X - Zᵢ|² / 2σ²)
///
/// for windows Zᵢ without a hole and latents zᵢ in their middles. It is what a network that sees no further than a window would
/// learn from this picture alone (Kamb & Ganguli 2024, arXiv 2412.20292, section 3), and at little noise it makes what a small
/// network leaves blurred look like its surroundings.
///
/// In small maps all windows count. In larger ones those do that PatchMatch looks at (Barnes et al. 2009, section 3.2): what
/// continues the neighbours' matches, and what lies about its own; others are too far away to weigh anything.
package final class PatchDenoiser: Denoiser {
  /// Of the last call; before it, of the smaller size or of what known windows fill the hole with.
  package private(set) var matches: PatchMatches
  private let exemplars: Exemplars
  private let noise: NoiseSchedule
  private let isExhaustive, isComposed: Bool
  private var random: SplitMix
  private var calls = 0

  /// σ below which windows of 3 x 3 serve, 5 x 5 above.
  private static let finish = 0.12
  /// Places of the hole times windows up to which all windows count, and up to which they fill it: a second or two.
  private static let exhaustive = 1 << 23, filled = 1 << 27

  /// nil where nothing is painted, or too little is known to learn from.
  ///
  /// - Parameters:
  ///   - latents: clean, of unit variance, `[maps, C, h, w]`; in the hole what is painted there now. The first map is denoised;
  ///     the others, such as of the picture mirrored, are more to learn from.
  ///   - mask: of latents, `[maps, 1, h, w]`: above 0 is painted.
  ///   - coarse: what was found at a smaller size.
  ///   - noise: by which timesteps are told from σ.
  ///   - seed: of the places that are looked at by chance.
  package init?(latents: Tensor, mask: Tensor, coarse: PatchMatches?, noise: NoiseSchedule, seed: UInt64) {
    exemplars = Exemplars(latents, mask: mask, reach: 2)
    // Of a few windows nothing but repeats could be made, mirrored or not.
    let enough = max(32, exemplars.hole.count / 4)
    let known = exemplars.places.prefix { $0 < latents.shape[2] * latents.shape[3] }.count
    guard !exemplars.hole.isEmpty, known >= enough, latents.isFinite else { return nil }
    self.noise = noise
    random = SplitMix(seed: seed)
    let pairs = exemplars.hole.count * exemplars.places.count
    isExhaustive = coarse == nil && pairs <= Self.exhaustive
    isComposed = coarse != nil || pairs <= Self.filled
    matches =
      coarse == nil && isComposed
      ? PatchMatches(filling: exemplars) : PatchMatches(in: exemplars, like: coarse, random: &random)
  }

  /// What the hole is to be painted from, `[1, C, h, w]`: what matches best, or what is painted now where no match is known yet.
  package var start: Tensor { isComposed ? composed : exemplars.first }

  /// The latents with what matches best in the hole, `[1, C, h, w]`.
  package var composed: Tensor {
    exemplars.replaced { place, channels in exemplars.add(Int(matches.places[place]), to: &channels) }
  }

  /// - Returns: clean latents (`Prediction.sample`); outside of the hole they are known, at every call.
  package func predict(_ input: DenoiserInput) throws -> Tensor {
    let sigma = noise.sigma(at: input.timestep)
    let reach = sigma < Self.finish ? 1 : exemplars.reach
    let noisy = input.latents * Float(NoiseLevel(sigma: sigma).scale)
    let x = exemplars.framed(exemplars.replaced { place, channels in exemplars.add(place, of: noisy, to: &channels) })
    calls += 1
    return x.withElements { x in
      // There and back in turn, so that matches spread both ways.
      exemplars.replaced(backwards: calls % 2 == 0) { place, channels in
        let candidates = (isExhaustive ? exemplars.places : nearby(place)).map { other in
          (place: other, distance: exemplars.distance(x, at: place, to: other, reach: reach))
        }
        let best = candidates.min { $0.distance < $1.distance }!
        matches.places[place] = Int32(best.place)
        let weights = candidates.map { exp((best.distance - $0.distance) / Float(2 * sigma * sigma)) }
        let total = weights.reduce(0, +)
        for (candidate, weight) in zip(candidates, weights) where weight > 0 {
          exemplars.add(candidate.place, to: &channels, weight: weight / total)
        }
      }
    }
  }

  /// Where PatchMatch looks for a place: its match, what continues its neighbours', and at random ever closer about its own.
  private func nearby(_ place: Int) -> [Int] {
    let (h, w) = (exemplars.size.height, exemplars.size.width)
    let own = Int(matches.places[place])
    var found: [Int] = []
    func look(_ match: Int, _ dy: Int, _ dx: Int) {
      if let place = exemplars.place(match, movedBy: dy, dx), !found.contains(place) { found.append(place) }
    }
    look(own, 0, 0)
    for (dy, dx) in [(0, -1), (0, 1), (-1, 0), (1, 0)] {
      let (y, x) = (place / w + dy, place % w + dx)
      guard (0..<h).contains(y), (0..<w).contains(x) else { continue }
      let match = Int(matches.places[y * w + x])
      if match >= 0 { look(match, -dy, -dx) }
    }
    var radius = max(h, w) / 2
    while radius >= 1 {
      look(own, Int.random(in: -radius...radius, using: &random), Int.random(in: -radius...radius, using: &random))
      radius /= 2
    }
    // A copy's own place may be the edge of a known window, and not the middle of one.
    return found.isEmpty ? [own] : found
  }
}
