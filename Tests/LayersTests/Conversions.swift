import CKernels

/// Number formats against Swift's own, over every f16 and bf16 there is.
enum Conversions {
  private static let patterns = (0...UInt16.max).map { $0 }

  /// What does not agree; empty when all is well.
  static var failures: [String] { halves + brains + roundings }

  private static func widened(_ convert: (UnsafeMutablePointer<Float>, UnsafeRawPointer, Int) -> Void) -> [Float] {
    // At an odd address, as a file may have it.
    let bytes: [UInt8] = [0] + patterns.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
    return [Float](unsafeUninitializedCapacity: patterns.count) { out, count in
      bytes.withUnsafeBytes { convert(out.baseAddress!, $0.baseAddress! + 1, patterns.count) }
      count = patterns.count
    }
  }

  private static func narrowed(_ x: [Float], _ convert: (UnsafeMutableRawPointer, UnsafePointer<Float>, Int) -> Void)
    -> [UInt16]
  {
    [UInt16](unsafeUninitializedCapacity: x.count) { out, count in
      convert(out.baseAddress!, x, x.count)
      count = x.count
    }
  }

  private static var halves: [String] {
    let wide = widened { ldm_f16_to_f32($0, $1, $2) }
    let back = narrowed(wide) { ldm_f32_to_f16($0, $1, $2) }
    return patterns.indices.compactMap { i in
      let expected = Float(Float16(bitPattern: patterns[i]))
      if expected.isNaN { return wide[i].isNaN && Float16(bitPattern: back[i]).isNaN ? nil : "f16 NaN \(i)" }
      return wide[i].bitPattern == expected.bitPattern && back[i] == patterns[i] ? nil : "f16 \(i)"
    }
  }

  private static var brains: [String] {
    let wide = widened { ldm_bf16_to_f32($0, $1, $2) }
    let back = narrowed(wide) { ldm_f32_to_bf16($0, $1, $2) }
    return patterns.indices.compactMap { i in
      let expected = Float(bitPattern: UInt32(patterns[i]) << 16)
      if expected.isNaN { return wide[i].isNaN && back[i] & 0x7fff > 0x7f80 ? nil : "bf16 NaN \(i)" }
      return wide[i].bitPattern == expected.bitPattern && back[i] == patterns[i] ? nil : "bf16 \(i)"
    }
  }

  /// Halfway cases go to the even neighbour; too large becomes infinite; too small becomes zero.
  private static var roundings: [String] {
    let x: [Float] = [
      1 + 0x1p-11, 1 + 0x3p-11, 65519, 65520, -1e10, 0x1p-25, 0x1.8p-25, -0x1p-30, 0.1, 1 + 0x1p-11 + 0x1p-23,
    ]
    let half = narrowed(x) { ldm_f32_to_f16($0, $1, $2) }
    let expected = x.map { Float16($0).bitPattern }
    let y: [Float] = [1 + 0x1p-8, 1 + 0x3p-8, 3.3961775e38, -3.4e38, 1 + 0x1p-8 + 0x1p-20, 0]
    let brain = narrowed(y) { ldm_f32_to_bf16($0, $1, $2) }
    return (half == expected ? [] : ["f32 to f16: \(half)"])
      + (brain == [0x3f80, 0x3f82, 0x7f80, 0xff80, 0x3f81, 0] ? [] : ["f32 to bf16: \(brain)"])
  }
}
