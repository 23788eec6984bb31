import Layers

/// Merging of tokens for self-attention (ToMe for Stable Diffusion, Bolya & Hoffman 2023, arXiv:2303.17604): of each 2x2
/// square one token is a destination; of the others, a share of all tokens, those most like a destination are averaged into
/// it. The merged tokens attend to each other, and each token takes the answer of the one it became part of.
package struct TokenMerging: Sendable {
  /// Of all tokens, how many are merged away: 0...0.75, as one in four is a destination.
  let share: Double
  /// Decides which token of a square is the destination; nil: the first.
  let seed: UInt64?
  private var height = 0
  private var width = 0

  package init(share: Double, seed: UInt64?) { (self.share, self.seed) = (share, seed) }

  /// For maps of a size.
  func over(height: Int, width: Int) -> TokenMerging {
    var result = self
    (result.height, result.width) = (height, width)
    return result
  }

  /// How `tokens` `[N, height · width, C]` are merged, each row by itself; nil where there is nothing to merge.
  func matching(_ tokens: Tensor, _ policy: KernelPolicy) -> TokenMatching? {
    let (destinations, sources) = split()
    let count = min(Int(Double(height * width) * share), sources.count)
    guard count > 0, !destinations.isEmpty else { return nil }
    let unit = tokens.normalizedRows()
    return TokenMatching(
      rows: (0..<tokens.shape[0]).map { row in
        let nearest = Nearest(unit.slice(axis: 0, row..<(row + 1)), sources, destinations, policy)
        return Self.places(nearest, sources, destinations, merging: count)
      }, merged: height * width - count)
  }

  /// The destinations of all squares, and the other tokens; both in order. A last row or column that is no square's has
  /// no destination.
  private func split() -> (destinations: [Int], sources: [Int]) {
    var isDestination = [Bool](repeating: false, count: height * width)
    for y in 0..<(height / 2) {
      for x in 0..<(width / 2) {
        let corner = seed.map { SplitMix.mixed(($0 &+ UInt64(y * width + x)) &* SplitMix.step) & 3 } ?? 0
        isDestination[(2 * y + Int(corner >> 1)) * width + 2 * x + Int(corner & 1)] = true
      }
    }
    return (
      isDestination.indices.filter { isDestination[$0] }, isDestination.indices.filter { !isDestination[$0] }
    )
  }

  /// Where each token goes: those that stay by themselves first, then the destinations.
  private static func places(
    _ nearest: Nearest, _ sources: [Int], _ destinations: [Int], merging count: Int
  ) -> [Int] {
    // Of equals the first, so that all machines agree.
    let order = sources.indices.sorted {
      (nearest.likeness[$1], $0) < (nearest.likeness[$0], $1)
    }
    let alone = sources.count - count
    var places = [Int](repeating: 0, count: sources.count + destinations.count)
    for (place, source) in order[count...].enumerated() { places[sources[source]] = place }
    for (place, token) in destinations.enumerated() { places[token] = alone + place }
    for source in order[..<count] { places[sources[source]] = alone + nearest.destination[source] }
    return places
  }
}

/// The destination most like each source, by the cosine between them.
private struct Nearest {
  private(set) var destination: [Int] = []
  private(set) var likeness: [Float] = []

  /// - Parameter unit: tokens of length 1, `[1, T, C]`.
  init(_ unit: Tensor, _ sources: [Int], _ destinations: [Int], _ policy: KernelPolicy) {
    let product = Linear(weight: unit.tokens(destinations), bias: nil, policy: policy)
    // As many sources at a time as keep their scores in a few megabytes.
    let part = max((1 << 21) / destinations.count, 1)
    for start in stride(from: 0, to: sources.count, by: part) {
      let scores = product(unit.tokens(sources[start..<min(start + part, sources.count)]))
      scores.withElements { scores in
        for row in 0..<(scores.count / destinations.count) {
          let first = row * destinations.count
          var best = first
          for i in (first + 1)..<(first + destinations.count) where scores[i] > scores[best] { best = i }
          destination.append(best - first)
          likeness.append(scores[best])
        }
      }
    }
  }
}

/// Where each token goes, for every row.
struct TokenMatching {
  /// A place among the merged tokens for each token.
  fileprivate let rows: [[Int]]
  /// How many merged tokens there are.
  fileprivate let merged: Int

  /// `[N, T, C]` → `[N, merged, C]`: the mean of the tokens at each place.
  func merged(_ tokens: Tensor) -> Tensor {
    let channels = tokens.shape[2]
    return Tensor(shape: [rows.count, merged, channels]) { out in
      out.update(repeating: 0)
      tokens.withElements { x in
        for (row, places) in rows.enumerated() {
          var counts = [Float](repeating: 0, count: merged)
          let target = out.baseAddress! + row * merged * channels
          let source = x.baseAddress! + row * places.count * channels
          for (token, place) in places.enumerated() {
            counts[place] += 1
            for c in 0..<channels { target[place * channels + c] += source[token * channels + c] }
          }
          for place in 0..<merged where counts[place] > 1 {
            for c in 0..<channels { target[place * channels + c] /= counts[place] }
          }
        }
      }
    }
  }

  /// `residual` `[N, T, C]` with the answer `[N, merged, C]` of each token's place added.
  func restored(_ answers: Tensor, onto residual: consuming Tensor) -> Tensor {
    let channels = answers.shape[2]
    residual.withMutableElements { out in
      answers.withElements { x in
        for (row, places) in rows.enumerated() {
          let target = out.baseAddress! + row * places.count * channels
          let source = x.baseAddress! + row * merged * channels
          for (token, place) in places.enumerated() {
            for c in 0..<channels { target[token * channels + c] += source[place * channels + c] }
          }
        }
      }
    }
    return residual
  }
}

extension Tensor {
  /// Those of `[1, T, C]`'s tokens, `[count, C]`.
  fileprivate func tokens(_ indices: some Collection<Int>) -> Tensor {
    let channels = shape[2]
    return Tensor(shape: [indices.count, channels]) { out in
      withElements { x in
        for (i, token) in indices.enumerated() {
          (out.baseAddress! + i * channels).update(from: x.baseAddress! + token * channels, count: channels)
        }
      }
    }
  }
}
