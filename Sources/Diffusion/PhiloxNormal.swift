import Foundation

/// The stream of `torch.randn` on CUDA: Philox4x32-10 (Salmon et al. 2011, doi:10.1145/2063384.2063405) and Box–Muller.
///
/// One counter per element, so the values are those of a graphics card as long as one launch covers the tensor with one
/// element a thread: well over 100,000 elements, which is latents of 1264×1264 pixels. In larger tensors a card's
/// number of processors decides which element gets which counter; the values here are then good, but no card's.
struct PhiloxNormal: Sendable {
  private let key: (UInt32, UInt32)
  private var calls: UInt32 = 0

  init(seed: UInt64) { key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)) }

  /// 2π / 2³².
  private static let turn = Float(2 * Double.pi) * 0x1p-32

  mutating func draw(_ count: Int) -> [Float] {
    defer { calls &+= 1 }
    return (0..<count).map { element in
      let (a, b) = words(element: UInt32(truncatingIfNeeded: element))
      let u = Float(a) * 0x1p-32 + 0x1p-33
      let v = Float(b) * Self.turn + Self.turn / 2
      return (-2 * log(u)).squareRoot() * sin(v)
    }
  }

  /// The first two of the four output words at counter (call, 0, element, 0).
  private func words(element: UInt32) -> (UInt32, UInt32) {
    var (c0, c1, c2, c3) = (calls, UInt32(0), element, UInt32(0))
    var (k0, k1) = key
    for _ in 0..<10 {
      let p0 = UInt64(c0) * 0xD251_1F53
      let p1 = UInt64(c2) * 0xCD9E_8D57
      (c0, c1, c2, c3) = (
        UInt32(p1 >> 32) ^ c1 ^ k0, UInt32(truncatingIfNeeded: p1),
        UInt32(p0 >> 32) ^ c3 ^ k1, UInt32(truncatingIfNeeded: p0)
      )
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return (c0, c1)
  }
}
