import CLCMS
import Foundation

/// The colours that RGB samples are meant in: an ICC profile that is not sRGB's.
public struct ColorProfile: Sendable, Equatable {
  public let icc: [UInt8]

  /// nil where the samples may be taken as sRGB: no profile, sRGB's own, or one that does not lead
  /// there and back (a scanner's, which knows one way).
  public init?(_ icc: [UInt8]?) {
    guard let icc, ldm_profile_kind(icc, icc.count) == LDM_PROFILE_RGB else { return nil }
    self.icc = icc
  }

  /// What a PNG says by gAMA and cHRM; nil where that is sRGB, or nonsense.
  ///
  /// - Parameters:
  ///   - gamma: of the file, 1 / exponent: 0.45455.
  ///   - chromaticities: x and y of white, red, green, blue; sRGB's where nil.
  static func made(gamma: Double?, chromaticities: [Double]?) -> [UInt8]? {
    let usual = [0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06]
    let gamma = gamma ?? 0.45455
    let xy = chromaticities ?? usual
    let isUsual = zip(xy, usual).allSatisfy { abs($0 - $1) < 0.002 }
    // 1 / 2.2 is what writers of sRGB say.
    guard abs(gamma - 0.45455) > 0.01 || !isUsual, (0.1...10).contains(gamma) else { return nil }
    return taken { ldm_profile_make(1 / gamma, xy, $0, $1) }
  }

  /// What an RGB picture may carry in place of `icc`: a grey picture's samples are three equal ones here, so its profile
  /// becomes the RGB one that gives them the same meaning.
  static func carried(_ icc: [UInt8]?) -> [UInt8]? {
    guard let icc else { return nil }
    return switch ldm_profile_kind(icc, icc.count) {
    case LDM_PROFILE_GREY: taken { ldm_profile_from_grey(icc, icc.count, $0, $1) }
    case LDM_PROFILE_CMYK: nil
    default: whole(icc)
    }
  }

  /// The profile at the length that its header tells, of version 4 a multiple of 4: libpng writes no other.
  private static func whole(_ icc: [UInt8]) -> [UInt8] {
    guard icc.count > 128 else { return icc }
    let told = icc[..<4].reduce(0) { $0 << 8 | Int($1) }
    var result = told > 128 && told < icc.count ? Array(icc[..<told]) : icc
    if result[8] > 3 { result += Array(repeating: 0, count: (4 - result.count % 4) % 4) }
    for i in 0..<4 { result[i] = UInt8(truncatingIfNeeded: result.count >> (24 - 8 * i)) }
    return result
  }

  private static func taken(
    _ body: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>, UnsafeMutablePointer<Int>) -> Bool
  ) -> [UInt8]? {
    var out: UnsafeMutablePointer<UInt8>?
    var size = 0
    guard body(&out, &size), let out else { return nil }
    defer { free(out) }
    return Array(UnsafeBufferPointer(start: out, count: size))
  }
}

extension Image {
  /// The picture as models see it: 16-bit sRGB, colours outside of it moved to its edge; itself where it is sRGB.
  public func inSRGB() -> Image {
    guard let profile = ColorProfile(metadata.icc) else { return self }
    let samples = [UInt16](unsafeUninitializedCapacity: width * height * channels) { out, filled in
      let good = withRawSamples(depth: depth) {
        ldm_profile_to_srgb(
          profile.icc, profile.icc.count, $0, Int32(channels), Int32(depth), out.baseAddress, width * height)
      }
      filled = good ? width * height * channels : 0
    }
    guard !samples.isEmpty else { return self }
    var result = Image(
      width: width, height: height, hasAlpha: hasAlpha, samples: .sixteen(samples), metadata: metadata, format: format)
    result.metadata.icc = nil
    return result
  }

  /// A picture in sRGB, in the colours of `profile`, which it carries from then on.
  ///
  /// - Parameter depth: 8 or 16.
  public func converted(to profile: ColorProfile, depth: Int) -> Image {
    let count = width * height * channels
    let sixteen = sixteenBit
    func samples<Sample>(_: Sample.Type) -> [Sample] {
      [Sample](unsafeUninitializedCapacity: count) { out, filled in
        let good = ldm_profile_from_srgb(
          profile.icc, profile.icc.count, sixteen, Int32(channels), out.baseAddress, Int32(depth), width * height)
        filled = good ? count : 0
      }
    }
    let converted: Samples = depth == 16 ? .sixteen(samples(UInt16.self)) : .eight(samples(UInt8.self))
    if case .eight(let values) = converted, values.isEmpty { return self }
    if case .sixteen(let values) = converted, values.isEmpty { return self }
    var result = Image(
      width: width, height: height, hasAlpha: hasAlpha, samples: converted, metadata: metadata, format: format)
    result.metadata.icc = profile.icc
    return result
  }

  /// This picture with the samples of `original` wherever `mask` is 0: what goes to other colours and back is not always the
  /// same to the bit. Pictures of another size, depth or number of channels stay as they are.
  public func restoring(_ original: Image, where mask: Mask) -> Image {
    guard
      (width, height, channels, depth) == (original.width, original.height, original.channels, original.depth),
      mask.tensor.count == width * height
    else { return self }
    func merged<Sample>(_ new: [Sample], _ old: [Sample]) -> [Sample] {
      var result = new
      mask.tensor.withElements { mask in
        for i in mask.indices where mask[i] == 0 {
          for c in (i * channels)..<((i + 1) * channels) { result[c] = old[c] }
        }
      }
      return result
    }
    let samples: Samples
    switch (self.samples, original.samples) {
    case (.eight(let new), .eight(let old)): samples = .eight(merged(new, old))
    case (.sixteen(let new), .sixteen(let old)): samples = .sixteen(merged(new, old))
    default: return self
    }
    return Image(
      width: width, height: height, hasAlpha: hasAlpha, samples: samples, metadata: metadata, format: format)
  }
}
