import Foundation

/// The stream of `torch.randn` on the CPU (Box–Muller over MT19937).
///
/// Fewer than 16 values are made one at a time in double precision, by pairs whose second half is cached for any later
/// small draw; 16 or more in blocks of 16 in single precision, which leaves that cache alone.
struct TorchNormal: Sendable {
  private var words: MersenneTwister
  private var cached: Double?

  init(seed: UInt32) { words = MersenneTwister(seed: seed) }

  mutating func draw(_ count: Int) -> [Float] {
    count < 16 ? (0..<count).map { _ in Float(single()) } : blocks(count)
  }

  private mutating func uniform() -> Float { Float(words.next() & 0xFF_FFFF) * 0x1p-24 }

  private mutating func uniformDouble() -> Double {
    let high = UInt64(words.next())
    let bits = (high << 32 | UInt64(words.next())) & (1 << 53 - 1)
    return Double(bits) * 0x1p-53
  }

  private mutating func single() -> Double {
    if let value = cached {
      cached = nil
      return value
    }
    let angle = 2 * Double.pi * uniformDouble()
    let radius = (-2 * log1p(-uniformDouble())).squareRoot()
    cached = radius * sin(angle)
    return radius * cos(angle)
  }

  private mutating func blocks(_ count: Int) -> [Float] {
    var values = (0..<count).map { _ in uniform() }
    for start in stride(from: 0, through: count - 16, by: 16) { Self.transform(&values[start..<(start + 16)]) }
    if count % 16 != 0 {
      // The last 16 are drawn anew, so a draw of 17 consumes 33 words.
      for i in (count - 16)..<count { values[i] = uniform() }
      Self.transform(&values[(count - 16)...])
    }
    return values
  }

  /// To nearest: `Float.pi` is rounded towards zero, and PyTorch's is not.
  private static let turn = Float(2 * Double.pi)

  private static func transform(_ block: inout ArraySlice<Float>) {
    for j in block.startIndex..<(block.startIndex + 8) {
      let radius = (-2 * log(1 - block[j])).squareRoot()
      let angle = turn * block[j + 8]
      block[j] = radius * cos(angle)
      block[j + 8] = radius * sin(angle)
    }
  }
}
