import Foundation
import LatentDiffusion

/// Small pictures that no two pixels of are alike by accident.
enum Samples {
  static func picture(width: Int = 24, height: Int = 16, alpha: Bool = false, depth: Int = 8) -> Image {
    let tensor = Tensor(shape: [1, 3, height, width]) { out in
      for i in out.indices { out[i] = Float(sin(Double(i) * 0.37) * 0.8) }
    }
    let opacity = Tensor(shape: [1, 1, height, width]) { out in
      for i in out.indices { out[i] = i % width < width / 2 ? 1 : 0 }
    }
    return Image(tensor: tensor, alpha: alpha ? opacity : nil, depth: depth)
  }

  /// White in the middle.
  static func mask(width: Int = 24, height: Int = 16) -> Image {
    Image(
      tensor: Tensor(shape: [1, 3, height, width]) { out in
        for i in out.indices {
          let (x, y) = (i % width, i / width % height)
          out[i] = (8..<16).contains(x) && (4..<12).contains(y) ? 1 : -1
        }
      })
  }
}

extension Binary {
  func write(_ image: Image, _ name: String, as format: ImageFormat = .png) throws {
    try Data(image.encoded(as: format)).write(to: file(name))
  }

  func image(_ name: String) throws -> Image { try Image(decoding: [UInt8](Data(contentsOf: file(name)))) }
}
