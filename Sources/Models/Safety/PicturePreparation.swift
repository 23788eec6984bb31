import Diffusion
import Weights

/// What a CLIP vision tower wants done to a picture: the shorter side to a length, the middle cut out, channels centred and
/// scaled. transformers' CLIPImageProcessor, to the bit up to the last step: it resizes as Pillow does, rounding to 8 bits
/// along either axis.
public struct PicturePreparation: Sendable {
  private let shorterSide, side: Int
  private let mean, deviation: [Float]

  /// CLIP's own (github.com/openai/CLIP): mean and deviation of the pictures it was trained on.
  private static let mean = [0.48145466, 0.4578275, 0.40821073]
  private static let deviation = [0.26862954, 0.26130258, 0.27577711]

  /// - Parameters:
  ///   - config: `preprocessor_config.json`; nil is CLIP's own.
  ///   - side: of the pictures that the tower sees.
  /// - Throws: `ConfigError` for what this does not do.
  public init(_ config: Config?, for side: Int) throws {
    self.side = side
    func numbers(_ key: String, _ usual: [Double]) throws -> [Float] {
      let values = try config?.optionalNumbers(key) ?? usual
      guard values.count == 3, values.allSatisfy(\.isFinite) else { throw config!.invalid(key, "3 numbers") }
      return values.map { Float($0) }
    }
    mean = try numbers("image_mean", Self.mean)
    deviation = try numbers("image_std", Self.deviation)
    shorterSide = try config.map { try Self.length($0, "size", ["shortest_edge"]) ?? side } ?? side
    guard let config else { return }
    let cropped = try Self.length(config, "crop_size", ["height", "width"]) ?? side
    guard cropped == side else { throw config.invalid("crop_size", "the tower's image_size, \(side)") }
    guard shorterSide >= side else { throw config.invalid("size", "at least crop_size") }
    guard !deviation.contains(0) else { throw config.invalid("image_std", "numbers other than 0") }
    guard try config.integer("resample", default: 3) == 3 else { throw config.invalid("resample", "3, bicubic") }
  }

  /// A number, or an object that says it under each of `names`; nil where there is neither.
  private static func length(_ config: Config, _ key: String, _ names: [String]) throws -> Int? {
    if let number = try? config.optionalInteger(key) { return number }
    guard let object = try config.object(key) else { return nil }
    let values = try names.map { try object.optionalInteger($0) }
    guard let first = values[0], values.allSatisfy({ $0 == first }) else {
      throw config.invalid(key, "a whole number, or \(names.joined(separator: " and ")), alike")
    }
    return first
  }

  /// - Parameter picture: of any size; large ones are read by strips.
  /// - Returns: `[1, 3, side, side]`.
  public func callAsFunction(_ picture: Image) -> Tensor {
    let picture = picture.at(depth: 8)
    let (h, w) = (picture.height, picture.width)
    let short = min(h, w)
    let (height, width) = (shorterSide * h / short, shorterSide * w / short)
    let (top, left) = ((height - side) / 2, (width - side) / 2)
    let rows = max((1 << 20) / w, 16)
    let strips = stride(from: 0, to: h, by: rows).map { top in
      let strip = picture.tensor(rows: top..<min(top + rows, h), columns: 0..<w)
      let count = strip.shape[2]
      return Self.rounded(
        strip.resized(
          height: count, width: width, rows: 0..<count, columns: left..<(left + side), .bicubicAntialiased))
    }
    let middle = Self.rounded(
      Tensor.concatenate(strips, axis: 2)
        .resized(height: height, width: side, rows: top..<(top + side), columns: 0..<side, .bicubicAntialiased))
    return Tensor(shape: middle.shape) { out in
      middle.withElements { x in
        for i in out.indices {
          let channel = i / (side * side)
          out[i] = ((x[i] + 1) / 2 - mean[channel]) / deviation[channel]
        }
      }
    }
  }

  /// To the values that 8 bits have.
  private static func rounded(_ x: Tensor) -> Tensor {
    x.map { (min(max(($0 + 1) * 127.5, 0), 255) + 0.5).rounded(.down) / 127.5 - 1 }
  }
}
