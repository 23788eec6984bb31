import CKernels
import Testing

/// What `models convert --type int8` rests on: integers and scale, read as numbers, are packed as themselves.
@Suite struct QuantizationTests {
  private func quantized(_ row: [Float]) -> (values: [Int8], scale: Float) {
    var values = [Int8](repeating: 0, count: row.count)
    let scale = ldm_quantize(&values, row, row.count)
    return (values, scale)
  }

  /// fl(fl(127 s) / 127) = s for s = fl(t / 127), every t: an s that failed would lie half-way between two multiples of 127.
  @Test func everyScaleIsKept() {
    var lost = 0
    for significand in UInt32(0)..<(1 << 23) {
      let top = Float(bitPattern: 0x3f80_0000 | significand)
      let scale = withUnsafePointer(to: top) { row -> Float in
        var value = Int8(0)
        return ldm_quantize(&value, row, 1)
      }
      let again = withUnsafePointer(to: 127 * scale) { row -> Float in
        var value = Int8(0)
        return ldm_quantize(&value, row, 1)
      }
      if again != scale { lost += 1 }
    }
    #expect(lost == 0)
  }

  @Test func everyIntegerIsKept() {
    var generator = SystemRandomNumberGenerator()
    for exponent in -60...60 {
      let top = Float.random(in: 1..<2, using: &generator) * Float(sign: .plus, exponent: exponent, significand: 1)
      let scale = quantized([top]).scale
      let integers = Array(Int8(-127)...127)
      let again = quantized(integers.map { Float($0) * scale })
      #expect(again.values == integers && again.scale == scale, "top \(top)")
    }
    #expect(quantized([0, 0]) == ([0, 0], 0))
  }
}
