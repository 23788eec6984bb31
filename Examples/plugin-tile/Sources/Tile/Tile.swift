import LDMPlugin

/// Seamless textures: `ldm txt2img --plugin tile.so "clip art of leaves" > tile.png`.
///
/// The canvas gets a margin in which, after every step, stands what is on the opposite side: the network and the decoder
/// see the picture as if it went round, with whatever sampler. The margin is cut off at the end. The canvas is rounded up to
/// what the network takes (64 pixels for Stable Diffusion), and the tile grows with it; with a margin of 8 latents sizes that
/// are such multiples stay as asked for. Draws the start noise, for the whole canvas.
struct Tile: Conditioner {
  /// In latents.
  let margin: Int

  func prepare(_ request: Request, for model: any ConditioningModel) throws -> Request {
    guard request.image == nil else {
      throw ConditioningError.range(what: "tile", found: "a picture to rework", expected: "txt2img, words alone")
    }
    let factor = model.latentFactor
    func grown(_ length: Int) throws -> Int {
      let latents = (length + factor - 1) / factor
      guard latents >= margin else {
        throw ConditioningError.range(what: "tile's margin", found: "\(margin)", expected: "at most \(latents) latents")
      }
      return (latents + 2 * margin) * factor
    }
    var result = request
    result.size = Size(height: try grown(request.size.height), width: try grown(request.size.width))
    return result
  }

  func condition(_ request: Request, with model: any ConditioningModel, noise: inout Noise) -> Conditioning {
    let factor = model.latentFactor
    let shape = [1, model.latentChannels, request.size.height / factor, request.size.width / factor]
    let pixels = margin * factor
    var result = Conditioning()
    result.start = Start(noise: wrapped(noise(shape)))
    result.constrain = [{ latents, _ in wrapped(latents) }]
    result.compose = [
      { picture in
        picture.cropped(
          top: pixels, left: pixels, height: picture.shape[2] - 2 * pixels, width: picture.shape[3] - 2 * pixels)
      }
    ]
    return result
  }

  /// `[1, C, h, w]` with the margin on each side a copy of what stands inside the opposite one.
  func wrapped(_ x: Tensor) -> Tensor {
    [2, 3].reduce(x) { x, axis in
      let inner = x.shape[axis] - 2 * margin
      return Tensor.concatenate(
        [
          x.slice(axis: axis, inner..<(inner + margin)), x.slice(axis: axis, margin..<(inner + margin)),
          x.slice(axis: axis, margin..<(2 * margin)),
        ],
        axis: axis)
    }
  }
}

@_cdecl("ldm_plugin_table")
public func table(_ version: UInt32) -> UnsafeRawPointer {
  pluginTable(
    name: "tile", summary: "seamless textures (txt2img)", options: ["margin=LATENTS  seen beyond the edges (8)"]
  ) { Tile(margin: try $0.integer("margin", 1...64) ?? 8) }
}
