import Diffusion
import Layers
import Weights

/// Stable Diffusion's safety checker: a picture shows what it should not where CLIP sees it close to one of 17 concepts
/// (Rando et al. 2022, arXiv 2210.04610, say which these are, and what it misses and wrongly finds).
public struct SafetyChecker: Sendable {
  /// What it makes of a picture.
  public struct Verdict: Sendable {
    /// Cosines with the concepts, `[1, 17]`, and with those that ask for special care, `[1, 3]`.
    public let concepts, special: Tensor
    /// Concepts that are too close, by their numbers from 0. None: nothing is found.
    public let found: [Int]
  }

  /// Directions, of length 1, `[n, D]`, and how close a picture may come to each, `[n]`.
  private struct Concepts: Sendable {
    let directions, limits: Tensor

    init(_ weights: Weights, _ name: String, count: Int, width: Int) throws {
      directions = try weights.tensor(name, [count, width]).tensor().normalizedRows()
      limits = try weights.tensor("\(name)_weights", [count]).tensor()
    }

    /// Which of the cosines are over their limits, each lowered by `adjustment`; as diffusers counts, in whole thousandths.
    func isOver(_ index: Int, _ cosines: Tensor, adjustment: Float) -> Bool {
      let excess = cosines[flat: index] - limits[flat: index] + adjustment
      return (excess * 1000).rounded(.toNearestOrEven) > 0
    }
  }

  private let vision: CLIPVisionModel
  private let projection: Linear
  private let concepts, special: Concepts
  private let preparation: PicturePreparation

  /// - Parameter preparation: what `preprocessor_config.json` says; nil where there is none.
  public init(_ p: Parameters, config: Config, preparation: Config?) throws {
    let p = p.exact
    guard let own = try config.object("vision_config") ?? config.object("vision_config_dict") else {
      throw config.invalid("vision_config", "an object")
    }
    vision = try CLIPVisionModel(p["vision_model"], config: own)
    let width = try config.integer("projection_dim", default: 512)
    projection = try Linear(p["visual_projection"], inputs: vision.width, outputs: width, bias: false)
    concepts = try Concepts(p.weights, "concept_embeds", count: 17, width: width)
    special = try Concepts(p.weights, "special_care_embeds", count: 3, width: width)
    self.preparation = try PicturePreparation(preparation, for: vision.imageSize)
  }

  /// - Parameter picture: in sRGB; of any size. Its alpha is not looked at.
  public func callAsFunction(_ picture: Image) -> Verdict { self(preparation(picture)) }

  /// - Parameter pixels: a picture prepared, `[1, 3, S, S]`.
  func callAsFunction(_ pixels: Tensor) -> Verdict {
    let seen = projection(vision(pixels)).normalizedRows()
    let (close, care) = (cosines(seen, concepts.directions), cosines(seen, special.directions))
    // Once one concept of special care is near, all that are looked at after it may come less close.
    var adjustment: Float = 0
    for i in 0..<care.count where special.isOver(i, care, adjustment: adjustment) { adjustment = 0.01 }
    let found = (0..<close.count).filter { concepts.isOver($0, close, adjustment: adjustment) }
    return Verdict(concepts: close, special: care, found: found)
  }
}

/// Of one row `[1, D]` with rows `[n, D]`, all of length 1: `[1, n]`.
private func cosines(_ row: Tensor, _ rows: Tensor) -> Tensor {
  let width = row.count
  return Tensor(shape: [1, rows.shape[0]]) { out in
    row.withElements { a in
      rows.withElements { b in
        for i in out.indices { out[i] = (0..<width).reduce(Float(0)) { $0 + a[$1] * b[i * width + $1] } }
      }
    }
  }
}
