import Diffusion
import Foundation

/// A hole filled from its border inwards with copies of known windows, each time where most is known about a place, and with the
/// window that goes on best with it (Criminisi et al. 2004, "Region filling and object removal by exemplar-based image
/// inpainting", without its term for edges). What a network painted there has a small say: it tells light from dark and
/// sky from ground, but is blurred in the middle of a hole, and so are the windows most like it.
struct Filling {
  /// Where each place of the hole is copied from; -1 outside of it.
  private(set) var sources: [Int32]
  private let exemplars: Exemplars
  // By place, framed as `Exemplars.framed` does: channels; whether a place is known (1), copied (how much was known about it), or
  // still as it was painted (0); and what it counts in a comparison, nothing beyond the map's edges.
  private var values, confidence, weights: [Float]

  /// What counts where a known latent counts 1: a painted one, and a copied one of no confidence.
  private static let painted: Float = 0.2, copied: Float = 0.3
  /// In variances of the latents: what a source as far away as the map is long has to be better by, and what one may be worse
  /// by that goes on with a copy beside it. A mirrored source is near where the middle of the picture mirrors it to: what is
  /// symmetric is so about the middle most often.
  private static let distance: Float = 0.2, unbroken: Float = 0.05

  /// - Parameter exemplars: of latents of unit variance, some windows of them known.
  init(_ exemplars: Exemplars) {
    self.exemplars = exemplars
    let size = exemplars.size
    values = exemplars.framed(exemplars.first).elements
    confidence = Array(repeating: 0, count: values.count / exemplars.channels)
    weights = confidence
    sources = Array(repeating: -1, count: size.height * size.width)
    for place in sources.indices { set(cell(place), confidence: 1, weight: 1) }
    for place in exemplars.hole { set(cell(place), confidence: 0, weight: Self.painted) }
    var open = exemplars.hole
    while !open.isEmpty {
      let known = open.map { sum(confidence, about: $0) }
      let place = open[known.indices.max { known[$0] < known[$1] }!]
      copy(from: source(for: place), to: place)
      open.removeAll { sources[$0] >= 0 }
    }
  }

  private var reach: Int { exemplars.reach }
  private var side: Int { 2 * reach + 1 }
  private var framedWidth: Int { exemplars.size.width + 2 * reach }

  /// A place in what is framed.
  private func cell(_ place: Int) -> Int { exemplars.corner(of: place) + reach * (framedWidth + 1) }

  private mutating func set(_ cell: Int, confidence: Float, weight: Float) {
    self.confidence[cell] = confidence
    weights[cell] = weight
  }

  private func sum(_ numbers: [Float], about place: Int) -> Float {
    let corner = exemplars.corner(of: place)
    return (0..<side).reduce(0) { sum, row in
      let start = corner + row * framedWidth
      return sum + numbers[start..<(start + side)].reduce(0, +)
    }
  }

  /// The middle of the known window that goes on best with what is known about a place.
  private func source(for place: Int) -> Int {
    let (h, w) = (exemplars.size.height, exemplars.size.width)
    let continued = sourcesGoingOn(to: place)
    let total = sum(weights, about: place) * Float(exemplars.channels)
    var best = (place: exemplars.places[0], cost: Float.infinity)
    for other in exemplars.places {
      let row = other % sources.count / w
      let away = hypot(Float(row - place / w), Float(other % w - place % w)) / Float(max(h, w))
      var cost = difference(place, other) / total + Self.distance * away
      if continued.contains(other) { cost -= Self.unbroken }
      if cost < best.cost { best = (other, cost) }
    }
    return best.place
  }

  /// Those that lie about the sources of the places about this one as it does about them.
  private func sourcesGoingOn(to place: Int) -> Set<Int> {
    let (h, w) = (exemplars.size.height, exemplars.size.width)
    var found: Set<Int> = []
    for dy in -1...1 {
      for dx in -1...1 {
        let (y, x) = (place / w + dy, place % w + dx)
        guard (0..<h).contains(y), (0..<w).contains(x), sources[y * w + x] >= 0 else { continue }
        if let next = exemplars.place(Int(sources[y * w + x]), movedBy: -dy, -dx) { found.insert(next) }
      }
    }
    return found
  }

  /// Σ weight |x - z|² of the windows about a place and a known one.
  private func difference(_ place: Int, _ other: Int) -> Float {
    let channels = exemplars.channels
    let (here, there) = (exemplars.corner(of: place), exemplars.corner(of: other))
    return exemplars.maps.withElements { maps in
      var sum: Float = 0
      for row in 0..<side {
        for column in row * framedWidth..<row * framedWidth + side {
          let (a, b) = ((here + column) * channels, (there + column) * channels)
          var square: Float = 0
          for c in 0..<channels { square += (values[a + c] - maps[b + c]) * (values[a + c] - maps[b + c]) }
          sum += weights[here + column] * square
        }
      }
      return sum
    }
  }

  /// Copies those of a known window's latents about a place that are still open.
  private mutating func copy(from other: Int, to place: Int) {
    let (h, w, channels) = (exemplars.size.height, exemplars.size.width, exemplars.channels)
    let known = sum(confidence, about: place) / Float(side * side)
    for dy in -reach...reach {
      for dx in -reach...reach {
        let (y, x) = (place / w + dy, place % w + dx)
        guard (0..<h).contains(y), (0..<w).contains(x), confidence[cell(y * w + x)] == 0, sources[y * w + x] < 0
        else { continue }
        let source = other + dy * w + dx
        sources[y * w + x] = Int32(source)
        let (target, from) = (cell(y * w + x), cell(source))
        set(target, confidence: known, weight: Self.copied + (1 - Self.copied) * known)
        exemplars.maps.withElements { maps in
          for c in 0..<channels { values[target * channels + c] = maps[from * channels + c] }
        }
      }
    }
  }
}
