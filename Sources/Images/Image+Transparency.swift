extension Image {
  /// The picture with the colour of what is transparent taken from what stands about it, opaque colours kept: whatever then
  /// mixes neighbours (resampling, a network) mixes no hidden black into edges. Itself where nothing is transparent.
  ///
  /// Pull-push: colours weighted by alpha are averaged to ever coarser levels, and filled in from there.
  public func withoutHiddenColours() -> Image {
    guard let alpha = alphaTensor(), alpha.withElements({ $0.contains { $0 < 1 } }) else { return self }
    // Thin colour is colour still; only where there is none it has to be found.
    return Image(
      tensor: tensor().filled(opacity: alpha.map { $0 > 0 ? 1 : 0 }), alpha: alpha, depth: depth, metadata: metadata)
  }
}

extension Tensor {
  /// - Parameter opacity: `[1, 1, H, W]` in 0...1. This: `[1, C, H, W]`.
  fileprivate func filled(opacity: Tensor) -> Tensor {
    let (h, w) = (shape[2], shape[3])
    let premultiplied = scaled(by: opacity)
    guard h > 1 || w > 1 else { return opacity[flat: 0] > 0 ? self : Tensor(zeros: shape) }
    let size = (height: (h + 1) / 2, width: (w + 1) / 2)
    let weight = opacity.resized(height: size.height, width: size.width, .area)
    let coarse = premultiplied.resized(height: size.height, width: size.width, .area).divided(by: weight)
      .filled(opacity: weight.map { $0 > 0 ? min($0 * 4, 1) : 0 })
    let behind = coarse.resized(height: h, width: w, .bilinear)
    return premultiplied + behind.scaled(by: opacity.map { 1 - $0 })
  }

  private func eachPlane(_ other: Tensor, _ f: (Float, Float) -> Float) -> Tensor {
    let plane = other.count
    return Tensor(shape: shape) { out in
      withElements { x in other.withElements { y in for i in x.indices { out[i] = f(x[i], y[i % plane]) } } }
    }
  }

  /// Each channel times a map `[1, 1, H, W]`.
  fileprivate func scaled(by map: Tensor) -> Tensor { eachPlane(map) { $0 * $1 } }

  /// Each channel over a map; 0 where that is 0.
  fileprivate func divided(by map: Tensor) -> Tensor { eachPlane(map) { $1 > 0 ? $0 / $1 : 0 } }
}
