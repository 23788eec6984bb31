import Diffusion
import Models

/// Pictures of any size through the autoencoder: whole where memory allows, else in windows.
extension LoadedModel {
  /// Bytes of activations that one pass may take.
  private static let budget = 768 << 20
  /// Latents that neighbouring windows share: about the decoder's reach.
  private static let overlap = 8

  /// Latents along a window's side; whole pictures below that are one window.
  private var side: Int {
    // Some four maps of the widest level stand in memory at a time, f32.
    let pixels = Self.budget / (16 * model.autoencoder.widthAtFullSize)
    return max(Int(Double(pixels).squareRoot()) / model.latentFactor, 4 * Self.overlap)
  }

  /// The picture, extended by reflection to multiples of the latent factor.
  func padded(_ picture: Tensor) -> Tensor {
    let (h, w) = (roundedUp(picture.shape[2]), roundedUp(picture.shape[3]))
    return h == picture.shape[2] && w == picture.shape[3] ? picture : picture.paddedByReflection(height: h, width: w)
  }

  func roundedUp(_ length: Int) -> Int { (length + multiple - 1) / multiple * multiple }

  func decode(_ latents: Tensor) throws -> Tensor {
    let windows = Windows(height: latents.shape[2], width: latents.shape[3], side: side, overlap: Self.overlap)
    return try windows.blend(latents, scale: model.latentFactor) { model.decode($0) }
  }

  /// - Parameter picture: of a size that is a multiple of the latent factor.
  func encode(_ picture: Tensor, _ encoding: Encoding, noise: inout Noise) throws -> Tensor {
    let f = model.latentFactor
    let (h, w) = (picture.shape[2] / f, picture.shape[3] / f)
    guard h > side || w > side else { return model.encode(picture, encoding, noise: &noise) }
    // Windows on the grid of latents, so that each encodes whole blocks; their means are blended.
    let grid = Tensor(zeros: [1, 1, h, w])
    let windows = Windows(height: h, width: w, side: side, overlap: Self.overlap)
    var position = 0
    var unused = noise
    return try windows.blend(grid) { part in
      let (row, column) = (
        windows.rows[position / windows.columns.count], windows.columns[position % windows.columns.count]
      )
      position += 1
      let pixels = picture.slice(axis: 2, (row.lowerBound * f)..<(row.upperBound * f))
        .slice(axis: 3, (column.lowerBound * f)..<(column.upperBound * f))
      precondition(part.shape[2] == row.count)
      return model.encode(pixels, .mean, noise: &unused)
    }
  }
}
