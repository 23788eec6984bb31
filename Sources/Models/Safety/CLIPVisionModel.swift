import Layers
import Weights

/// CLIP's tower for pictures: a vision transformer (Dosovitskiy et al. 2020, arXiv 2010.11929) with a norm before its layers.
public struct CLIPVisionModel: Sendable {
  /// Side of the pictures it sees, and of the patches they are cut into.
  public let imageSize, patchSize: Int
  public let width: Int
  private let heads: Int
  private let patches: Linear
  private let summary, positions: Tensor
  private let firstNorm, finalNorm: LayerNorm
  private let layers: [CLIPLayer]

  /// Reads files with and without the `vision_model.` prefix.
  public init(_ p: Parameters, config: Config) throws {
    let transformer = try CLIPTransformerConfig(config, width: 768, inner: 3072, heads: 12)
    imageSize = try config.integer("image_size", default: 224)
    patchSize = try config.integer("patch_size", default: 32)
    guard patchSize > 0, imageSize >= patchSize else { throw config.invalid("patch_size", "1 to image_size") }
    (width, heads) = (transformer.width, transformer.heads)
    let grid = imageSize / patchSize
    let t = p.weights.contains("vision_model.post_layernorm.weight") ? p["vision_model"] : p
    // A convolution whose kernels do not overlap is a product with the patches.
    patches = try Linear(
      t["embeddings.patch_embedding"], inputs: 3 * patchSize * patchSize, outputs: width, bias: false,
      reshaping: [[width, 3, patchSize, patchSize]])
    summary = try t.weights.tensor("embeddings.class_embedding", [width]).tensor()
    positions = try t.weights.tensor("embeddings.position_embedding.weight", [grid * grid + 1, width]).tensor()
    // So spelt in every file.
    firstNorm = try LayerNorm(t["pre_layrnorm"], width: width, epsilon: transformer.epsilon)
    finalNorm = try LayerNorm(t["post_layernorm"], width: width, epsilon: transformer.epsilon)
    layers = try transformer.layers(t)
  }

  /// One picture, prepared, `[1, 3, imageSize, imageSize]` → the picture as a whole, `[1, width]`.
  public func callAsFunction(_ pixels: Tensor) -> Tensor {
    precondition(
      pixels.shape == [1, 3, imageSize, imageSize], "a picture of \(pixels.shape) for a side of \(imageSize)")
    let tokens = Tensor.concatenate([summary.reshaped([1, width]), patches(cut(pixels))], axis: 0) + positions
    var x = firstNorm(tokens.reshaped([1, tokens.shape[0], width]))
    for layer in layers { x = layer(x) { attention($0, $1, $2, heads: heads) } }
    return finalNorm(x.slice(axis: 1, 0..<1)).reshaped([1, width])
  }

  /// `[1, 3, S, S]` → a row for each patch, `[patches, 3 p p]`.
  private func cut(_ pixels: Tensor) -> Tensor {
    let (grid, side, size) = (imageSize / patchSize, patchSize, imageSize)
    return Tensor(shape: [grid * grid, 3 * side * side]) { out in
      pixels.withElements { x in
        var place = 0
        for patch in 0..<(grid * grid) {
          let corner = patch / grid * side * size + patch % grid * side
          for channel in 0..<3 {
            for row in 0..<side {
              let from = (channel * size + row) * size + corner
              for column in 0..<side { out[place + column] = x[from + column] }
              place += side
            }
          }
        }
      }
    }
  }
}
