import Foundation

/// `torch.Generator('cpu')` and `torch.randn` on it: MT19937 (Matsumoto & Nishimura 1998) with Box-Muller, one value at a
/// time in double below 16 elements, in blocks of 16 in single above.
struct TorchGenerator: Sendable {
  private var state: [UInt32]
  private var index = 624
  /// The second value of the last Box-Muller pair; lives through later calls.
  private var cached: Double?

  init(seed: UInt64) {
    state = [UInt32(truncatingIfNeeded: seed)]
    for i in 1..<624 {
      let last = state[i - 1]
      state.append(1_812_433_253 &* (last ^ (last >> 30)) &+ UInt32(i))
    }
  }

  mutating func normal(_ count: Int) -> [Float] {
    count < 16 ? (0..<count).map { _ in Float(oneNormal()) } : blocks(count)
  }

  private mutating func oneNormal() -> Double {
    if let value = cached {
      cached = nil
      return value
    }
    let u1 = uniformDouble()
    let u2 = uniformDouble()
    let radius = (-2 * log1p(-u2)).squareRoot()
    cached = radius * sin(2 * .pi * u1)
    return radius * cos(2 * .pi * u1)
  }

  private mutating func blocks(_ count: Int) -> [Float] {
    var data = (0..<count).map { _ in uniformFloat() }
    for start in stride(from: 0, through: count - 16, by: 16) { Self.transform(&data, start) }
    if count % 16 != 0 {  // the last 16 are drawn anew, over some that were done
      for i in (count - 16)..<count { data[i] = uniformFloat() }
      Self.transform(&data, count - 16)
    }
    return data
  }

  private static func transform(_ data: inout [Float], _ start: Int) {
    for j in start..<(start + 8) {
      let radius = (-2 * log(1 - data[j])).squareRoot()
      let angle = 2 * Float.pi * data[j + 8]
      data[j] = radius * cos(angle)
      data[j + 8] = radius * sin(angle)
    }
  }

  private mutating func uniformFloat() -> Float { Float(next() & 0xff_ffff) * 0x1p-24 }

  private mutating func uniformDouble() -> Double {
    let high = UInt64(next())
    let low = UInt64(next())
    return Double((high << 32 | low) & (1 << 53 - 1)) * 0x1p-53
  }

  private mutating func next() -> UInt32 {
    if index == 624 { twist() }
    var y = state[index]
    index += 1
    y ^= y >> 11
    y ^= y << 7 & 0x9d2c_5680
    y ^= y << 15 & 0xefc6_0000
    return y ^ y >> 18
  }

  private mutating func twist() {
    for i in 0..<624 {
      let y = state[i] & 0x8000_0000 | state[(i + 1) % 624] & 0x7fff_ffff
      state[i] = state[(i + 397) % 624] ^ y >> 1 ^ (y & 1 == 0 ? 0 : 0x9908_b0df)
    }
    index = 0
  }
}
