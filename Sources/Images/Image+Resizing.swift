import Foundation

extension Image {
  /// The picture at another size, as light adds up: in linear light (the picture being sRGB), colours weighted by alpha.
  /// 16 bits, so that nothing is rounded twice.
  public func resized(height: Int, width: Int, _ filter: ResampleFilter = .lanczos3) -> Image {
    guard (height, width) != (self.height, self.width) else { return self }
    let colours = tensor().map(Self.linear)
    guard let alpha = alphaTensor() else {
      let small = colours.resized(height: height, width: width, filter).map(Self.encoded)
      return Image(tensor: small, depth: 16, metadata: metadata)
    }
    let plane = alpha.count
    let weighted = Tensor(shape: colours.shape) { out in
      colours.withElements { x in alpha.withElements { a in for i in x.indices { out[i] = x[i] * a[i % plane] } } }
    }
    let opacity = alpha.resized(height: height, width: width, filter).clamped(to: 0...1)
    let small = weighted.resized(height: height, width: width, filter)
    let pixels = opacity.count
    let divided = Tensor(shape: small.shape) { out in
      small.withElements { x in
        opacity.withElements { a in
          for i in x.indices { out[i] = Self.encoded(a[i % pixels] > 1e-4 ? x[i] / a[i % pixels] : 0) }
        }
      }
    }
    return Image(tensor: divided, alpha: opacity, depth: 16, metadata: metadata)
  }

  /// IEC 61966-2-1: a sample in -1...1 → light in 0...1.
  private static func linear(_ x: Float) -> Float {
    let v = x / 2 + 0.5
    return v <= 0.04045 ? v / 12.92 : powf((v + 0.055) / 1.055, 2.4)
  }

  /// And back; light outside of 0...1 (a filter's ringing) is cut.
  private static func encoded(_ light: Float) -> Float {
    let l = min(max(light, 0), 1)
    return 2 * (l <= 0.0031308 ? 12.92 * l : 1.055 * powf(l, 1 / 2.4) - 0.055) - 1
  }
}
