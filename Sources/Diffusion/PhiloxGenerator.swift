import Foundation

/// `torch.randn` on CUDA: Philox4x32-10 (Salmon et al. 2011) counted by call and element, with curand's Box-Muller.
///
/// True for tensors of up to 256 threads times the blocks that fit on a GPU, well over 100,000 elements; above that the
/// card's size decides the layout, and no one sequence is right.
struct PhiloxGenerator: Sendable {
  private let key: (UInt32, UInt32)
  private var call: UInt32 = 0

  init(seed: UInt64) { key = (UInt32(truncatingIfNeeded: seed), UInt32(seed >> 32)) }

  mutating func normal(_ count: Int) -> [Float] {
    defer { call &+= 1 }
    return (0..<count).map { element in
      let (c0, c1) = words(UInt32(element))
      let u = Float(c0) * 0x1p-32 + 0x1p-33
      let v = Float(c1) * (2 * .pi * 0x1p-32) + .pi * 0x1p-32
      return (-2 * log(u)).squareRoot() * sin(v)
    }
  }

  private func words(_ element: UInt32) -> (UInt32, UInt32) {
    var (c0, c1, c2, c3) = (call, UInt32(0), element, UInt32(0))
    var (k0, k1) = key
    for _ in 0..<10 {
      let p0 = UInt64(c0) * 0xd251_1f53
      let p1 = UInt64(c2) * 0xcd9e_8d57
      (c0, c1, c2, c3) = (
        UInt32(p1 >> 32) ^ c1 ^ k0, UInt32(truncatingIfNeeded: p1), UInt32(p0 >> 32) ^ c3 ^ k1,
        UInt32(truncatingIfNeeded: p0)
      )
      k0 &+= 0x9e37_79b9
      k1 &+= 0xbb67_ae85
    }
    return (c0, c1)
  }
}
