import Diffusion
import Layers
import Models

/// Pictures of any size through the autoencoder: whole where memory allows, else in tiles.
extension LoadedModel {
  /// Of the autoencoder: what a picture goes through.
  enum Half { case encoder, decoder }

  /// Bytes of activations that one pass may take: what is left of a limit once weights and blocks that are kept have theirs.
  private var budget: Int { min(1280 << 20, limit) }
  /// The same of a picture that is let through whole: tiles overlap, which costs time, and their statistics are a sample's. No
  /// family is made for more than a megapixel (SDXL), which is not to be cut.
  private func wholeBudget(_ half: Half) -> Int { min(max(1280 << 20, perPixel(half) << 20), limit) }
  private var limit: Int { memoryLimit.map { $0 / 6 } ?? .max }
  /// Bytes of the maps that stand in memory for a pixel: some four of the widest, f32.
  private func perPixel(_ half: Half) -> Int {
    let values = model.autoencoder.valuesPerPixel
    return 16 * (half == .encoder ? values.encoder : values.decoder)
  }
  /// Latents that neighbouring tiles share: twice the reach of a decoder's convolutions that matters.
  private static let overlap = 16

  /// Bytes of the maps that stand in memory while a picture is decoded, and encoded before where it is.
  func activations(of size: Size, encodes: Bool) -> Int {
    let f = model.latentFactor
    func activations(_ half: Half) -> Int {
      let tile = tiles(height: roundedUp(size.height) / f, width: roundedUp(size.width) / f, half).size
      return perPixel(half) * tile.height * tile.width * f * f
    }
    return encodes ? max(activations(.encoder), activations(.decoder)) : activations(.decoder)
  }

  /// Latents along the side of a square that takes `bytes`.
  private func side(_ bytes: Int, _ half: Half) -> Int {
    max(
      Int(Double(bytes / perPixel(half)).squareRoot()) / model.latentFactor,
      (memoryLimit == nil ? 4 : 3) * Self.overlap)
  }

  /// The picture, extended by reflection to multiples of the latent factor.
  func padded(_ picture: Tensor) -> Tensor {
    let (h, w) = (roundedUp(picture.shape[2]), roundedUp(picture.shape[3]))
    return h == picture.shape[2] && w == picture.shape[3] ? picture : picture.paddedByReflection(height: h, width: w)
  }

  func roundedUp(_ length: Int) -> Int { (length + multiple - 1) / multiple * multiple }

  /// The size that the network can work at next to `factor` times this one, with room for all of it.
  func size(_ size: Size, scaledBy factor: Double) -> Size {
    func fitted(_ length: Int) -> Int { max(roundedUp(Int((Double(length) * factor).rounded())), multiple) }
    return Size(height: fitted(size.height), width: fitted(size.width))
  }

  /// Tiles of latents of this size, or of the picture that becomes them.
  func tiles(height: Int, width: Int, _ half: Half) -> Windows {
    let side =
      switch tiling {
      case .auto: usualTile(height: height, width: width, half)
      case .off: max(height, width)
      case .side(let pixels): max(pixels / model.latentFactor, 2 * Self.overlap)
      }
    return Windows(height: height, width: width, side: side, overlap: Self.overlap, isTrimmed: true)
  }

  private func usualTile(height: Int, width: Int, _ half: Half) -> Int {
    let whole = side(wholeBudget(half), half)
    if height * width <= whole * whole { return max(height, width) }
    // Larger pictures are cut smaller than what is let through whole: strips of them stand in memory beside the tile.
    // Less is decoded twice in larger tiles, which small maps leave room for.
    let isRoomy = half == .decoder && memoryLimit == nil
    return min(side(budget, half), isRoomy ? max(128, side(256 << 20, half)) : 128)
  }

  /// Tiles that latents are decoded in.
  func tiles(of latents: Tensor) -> Windows { tiles(height: latents.shape[2], width: latents.shape[3], .decoder) }

  /// Latents of a mosaic: as many as a tile has, up to what is sample enough.
  private static func mosaic(_ tiles: Windows) -> Size {
    Size(height: min(tiles.size.height, 128), width: min(tiles.size.width, 128))
  }

  /// Decodes one tile of latents, all of them by the statistics of a mosaic of the whole.
  func decoding(_ latents: Tensor, in tiles: Windows) -> (Region) -> Tensor {
    guard tiles.count > 1 else { return { model.decode($0.cut(latents)) } }
    let mosaic = Mosaic(of: Size(height: latents.shape[2], width: latents.shape[3]), size: Self.mosaic(tiles))
      .tensor(channels: latents.shape[1]) { $0.cut(latents) }
    let statistics = GroupStatistics { _ = model.decode(mosaic) }
    return { tile in statistics.apply { model.decode(tile.cut(latents)) } }
  }

  func decode(_ latents: Tensor) throws -> Tensor {
    let f = model.latentFactor
    let tiles = tiles(of: latents)
    if tiles.count == 1 { return model.decode(latents) }
    var result = Tensor(zeros: [1, 3, latents.shape[2] * f, latents.shape[3] * f])
    try tiles.strips(scale: f, decoding(latents, in: tiles)) { top, strip in
      Region(rows: top..<(top + strip.shape[2]), columns: 0..<strip.shape[3]).paste(strip, on: &result)
    }
    return result
  }

  /// Latents of a picture of `size` that is given part by part, by the mean of the posterior.
  ///
  /// - Parameter part: the picture's region; what lies beyond `size` (to the factor's multiple) is reflected here.
  func encode(_ size: Size, part: (Region) throws -> Tensor) throws -> Tensor {
    let f = model.latentFactor
    let whole = Size(height: roundedUp(size.height) / f, width: roundedUp(size.width) / f)
    let tiles = tiles(height: whole.height, width: whole.width, .encoder)
    func pixels(_ region: Region) throws -> Tensor {
      try part(region.clamped(to: size)).paddedByReflection(height: region.rows.count, width: region.columns.count)
    }
    var unused = Noise(seed: 0)
    guard tiles.count > 1 else {
      return model.encode(try pixels(Region(all: [1, 3, whole.height * f, whole.width * f])), .mean, noise: &unused)
    }
    // By the statistics of a mosaic, as `decoding` has it; of what is not reflected.
    let known = Size(height: max(size.height / f, 1), width: max(size.width / f, 1))
    let mosaic = try Mosaic(of: known, size: Self.mosaic(tiles)).tensor(channels: 3, scale: f, pixels)
    let statistics = GroupStatistics { _ = model.encode(mosaic, .mean, noise: &unused) }
    var strips: [Tensor] = []
    try tiles.strips { tile in
      let part = try pixels(tile.scaled(by: f))
      return statistics.apply { model.encode(part, .mean, noise: &unused) }
    } emit: {
      strips.append($1)
    }
    return Tensor.concatenate(strips, axis: 2)
  }
}

extension Range<Int> {
  func scaled(by factor: Int) -> Range<Int> { (lowerBound * factor)..<(upperBound * factor) }
}
