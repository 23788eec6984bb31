import LDMPlugin

/// Grows the canvas: `ldm inpaint --plugin outpaint.so:left=64,right=64 < photo.jpg > wide.png`.
///
/// The picture is mirrored outwards, so that the model starts from colours that fit, and what is new is marked as to be
/// repainted; inpainting does the rest, and keeps every old pixel. Draws nothing.
struct Outpaint: Conditioner {
  let left, right, top, bottom: Int

  init(_ options: PluginOptions) throws {
    func pixels(_ side: String) throws -> Int {
      try options.integer(side, 0...8192) ?? options.integer("all", 0...8192) ?? 0
    }
    (left, right) = (try pixels("left"), try pixels("right"))
    (top, bottom) = (try pixels("top"), try pixels("bottom"))
  }

  func prepare(_ request: Request, for model: any ConditioningModel) throws -> Request {
    let picture = try request.required(\.image, "a picture", by: "outpaint")
    let (height, width) = (picture.shape[2], picture.shape[3])
    guard left + right + top + bottom > 0 else {
      throw ConditioningError.missing(what: "left=, right=, top=, bottom= or all= (pixels)", by: "outpaint")
    }
    var result = request
    result.image = picture.framedByReflection(top: top, left: left, bottom: bottom, right: right)
    result.size = Size(height: height + top + bottom, width: width + left + right)
    // A mask that the user gave still holds, within the old picture.
    let inner = request.mask ?? Tensor(zeros: [1, 1, height, width])
    var mask = Tensor(repeating: 1, shape: [1, 1, result.size.height, result.size.width])
    mask.withMutableElements { out in
      inner.withElements { inner in
        for y in 0..<height {
          let start = (y + top) * result.size.width + left
          for x in 0..<width { out[start + x] = inner[y * width + x] }
        }
      }
    }
    result.mask = mask
    return result
  }

  func condition(_: Request, with _: any ConditioningModel, noise _: inout Noise) -> Conditioning { Conditioning() }
}

@_cdecl("ldm_plugin_table")
public func table(_ version: UInt32) -> UnsafeRawPointer {
  pluginTable(
    name: "outpaint", summary: "grows the canvas (inpaint)",
    options: ["left=PIXELS", "right=PIXELS", "top=PIXELS", "bottom=PIXELS", "all=PIXELS  on each side that has none"]
  ) { try Outpaint($0) }
}
