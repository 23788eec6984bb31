import Diffusion

/// A picture that is read and written by rectangle: floats, or a file's own samples, which take an eighth to a quarter of
/// the memory. Large pictures exist as floats only a part at a time.
enum Surface {
  case floats(Tensor)
  case samples(Image)

  var size: Size {
    switch self {
    case .floats(let tensor): Size(height: tensor.shape[2], width: tensor.shape[3])
    case .samples(let image): Size(height: image.height, width: image.width)
    }
  }

  var all: Region { Region(rows: 0..<size.height, columns: 0..<size.width) }

  /// `[1, 3, rows, columns]` in -1...1.
  func cut(_ region: Region) -> Tensor {
    switch self {
    case .floats(let tensor): region == all ? tensor : region.cut(tensor)
    case .samples(let image): image.tensor(rows: region.rows, columns: region.columns)
    }
  }

  /// All of it.
  var tensor: Tensor { cut(all) }

  /// Puts `part` at a place; where `mask` `[1, 1, h, w]` is given and 0, nothing changes.
  mutating func write(_ part: Tensor, top: Int, left: Int = 0, where mask: Tensor? = nil) {
    let region = Region(rows: top..<(top + part.shape[2]), columns: left..<(left + part.shape[3]))
    switch self {
    case .floats(var tensor):
      self = .floats(Tensor(zeros: [0]))
      var part = part
      if let mask { part = region.cut(tensor).replacing(with: part, where: mask) }
      region.paste(part, on: &tensor)
      self = .floats(tensor)
    case .samples(var image):
      self = .samples(Image(width: 0, height: 0, depth: 8))
      image.write(part, top: top, left: left, where: mask)
      self = .samples(image)
    }
  }

  /// All of it in strips of rows, from top to bottom, each about a million pixels.
  var strips: [Region] {
    let rows = max((1 << 20) / size.width, 16)
    return stride(from: 0, to: size.height, by: rows).map {
      Region(rows: $0..<min($0 + rows, size.height), columns: 0..<size.width)
    }
  }

  /// `[1, 3, height, width]`: the picture at another size.
  func resized(to target: Size, _ filter: ResampleFilter) -> Tensor {
    if case .floats(let tensor) = self { return tensor.resized(height: target.height, width: target.width, filter) }
    var resampler = StripResampler(from: (size.height, size.width), to: (target.height, target.width), filter)
    var parts: [Tensor] = []
    for region in strips { if let part = resampler.add(cut(region)) { parts.append(part) } }
    return Tensor.concatenate(parts, axis: 2)
  }
}

extension Tensor {
  /// `other` where `mask` `[1, 1, H, W]` is above 0, else this.
  fileprivate func replacing(with other: Tensor, where mask: Tensor) -> Tensor {
    var result = self
    result.withMutableElements { out in
      other.withElements { other in
        mask.withElements { mask in for i in out.indices where mask[i % mask.count] > 0 { out[i] = other[i] } }
      }
    }
    return result
  }
}
