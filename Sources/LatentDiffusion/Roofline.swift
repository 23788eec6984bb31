import CKernels
import Diffusion
import Foundation
import Layers

/// What the machine can do, and what the networks' primitives reach of it: Williams et al. 2009, doi:10.1145/1498765.1498785.
/// A primitive is bounded by the peak of the products, or by its operations a byte times the memory's bandwidth.
public struct Roofline: Sendable {
  public struct Primitive: Sendable {
    public var name: String
    /// The median over runs.
    public var seconds: Double
    /// Multiplications and additions, as direct algorithms count them; 0 for what hardly multiplies.
    public var operations: Double
    /// The least that has to move: input, weights and output, once each.
    public var bytes: Double
    /// Operations a byte.
    public var intensity: Double { operations / bytes }
    public var gflops: Double { operations / seconds * 1e-9 }
    public var gigabytes: Double { bytes / seconds * 1e-9 }
  }

  /// GFLOPS of one product that stays in the caches, by the numbers' format.
  public var peaks: [(precision: Precision, gflops: Double)]
  /// Gigabytes a second of a sum of two arrays that no cache holds.
  public var bandwidth: Double
  /// The peak of the precision that the primitives were run with.
  public var peak: Double
  public var primitives: [Primitive]

  /// How much of its bound a primitive reaches. Above 1: Winograd's method takes fewer operations than are counted, or the
  /// caches hold what it reads.
  public func share(_ primitive: Primitive) -> Double {
    guard primitive.operations > 0 else { return primitive.gigabytes / bandwidth }
    return primitive.gflops / min(peak, primitive.intensity * bandwidth)
  }
}

extension Engine {
  /// Times the primitives of a guided step of Stable Diffusion at 512x512, two rows, with random numbers.
  public func roofline(runs: Int, progress: @escaping () throws -> Void = {}) throws -> Roofline {
    let peaks = [Precision.f32, .bf16, .int8].map { ($0, Stopwatch.peak(KernelPolicy(precision: $0))) }
    var bench = PrimitiveBench(policy: policy, stopwatch: Stopwatch(runs: runs), progress: progress)
    for (channels, side) in [(320, 64), (640, 32), (1280, 16)] { try bench.convolution(channels, side: side) }
    try bench.linear(320, tokens: 8192)
    try bench.linear(1280, tokens: 512)
    try bench.geglu(320, tokens: 8192)
    try bench.attention(queries: 4096, keys: 4096)
    try bench.attention(queries: 4096, keys: 77)
    try bench.norms(320, side: 64)
    let own: Precision = policy.precision == .int8 ? .int8 : policy.isHalf ? .bf16 : .f32
    return Roofline(
      peaks: peaks, bandwidth: Stopwatch.bandwidth(), peak: peaks.first { $0.0 == own }!.1,
      primitives: bench.primitives)
  }
}

/// Runs primitives, two rows each, and notes what they took.
private struct PrimitiveBench {
  let policy: KernelPolicy
  let stopwatch: Stopwatch
  let progress: () throws -> Void
  private(set) var primitives: [Roofline.Primitive] = []
  private var noise = Noise(seed: 1)

  init(policy: KernelPolicy, stopwatch: Stopwatch, progress: @escaping () throws -> Void) {
    (self.policy, self.stopwatch, self.progress) = (policy, stopwatch, progress)
  }

  /// Bytes a weight takes as a product reads it.
  private var width: Double { policy.precision == .int8 ? 1 : policy.isHalf ? 2 : 4 }

  private mutating func time(_ name: String, bytes: Double, _ body: () -> Tensor) throws {
    try progress()
    let (seconds, operations) = stopwatch.measured { _ = body() }
    primitives.append(Roofline.Primitive(name: name, seconds: seconds, operations: operations, bytes: bytes))
  }

  private static func floats(_ shapes: [Int]...) -> Double {
    4 * shapes.reduce(0.0) { $0 + Double($1.reduce(1, *)) }
  }

  mutating func convolution(_ channels: Int, side: Int) throws {
    let layer = Conv2d(
      weight: noise([channels, channels, 3, 3]) * 0.01, bias: Tensor(zeros: [channels]), stride: 1, padding: .same(1),
      policy: policy)
    let x = noise([2, side, side, channels])
    let weights = Double(9 * channels * channels) * (policy.isHalf ? 2 : 4)
    try time("conv 3x3, \(channels), \(side)x\(side)", bytes: Self.floats(x.shape, x.shape) + weights) { layer(x) }
  }

  mutating func linear(_ channels: Int, tokens: Int) throws {
    let layer = Linear(weight: noise([channels, channels]) * 0.01, bias: nil, policy: policy)
    let x = noise([tokens, channels])
    let weights = Double(channels * channels) * width
    try time("linear \(channels), \(tokens) tokens", bytes: Self.floats(x.shape, x.shape) + weights) { layer(x) }
  }

  mutating func geglu(_ channels: Int, tokens: Int) throws {
    let wide = 4 * channels
    let layer = GEGLU(
      weight: noise([2 * wide, channels]) * 0.01, bias: Tensor(zeros: [2 * wide]), policy: policy)
    let x = noise([tokens, channels])
    let bytes = Self.floats(x.shape, [tokens, wide]) + Double(2 * wide * channels) * width
    try time("geglu \(channels) to \(wide), \(tokens) tokens", bytes: bytes) { layer(x) }
  }

  mutating func attention(queries: Int, keys: Int) throws {
    let (q, k, half) = (noise([2, queries, 320]), noise([2, keys, 320]), policy.isHalf)
    let bytes = Self.floats(q.shape, k.shape, k.shape, q.shape)
    try time("attention \(queries) x \(keys), 8 heads of 40", bytes: bytes) {
      Layers.attention(q, k, k, heads: 8, half: half)
    }
  }

  mutating func norms(_ channels: Int, side: Int) throws {
    let (one, zero) = (Tensor(repeating: 1, shape: [channels]), Tensor(zeros: [channels]))
    let x = noise([2, side, side, channels])
    let group = GroupNorm(weight: one, bias: zero, groups: 32, epsilon: 1e-5)
    let layer = LayerNorm(weight: one, bias: zero, epsilon: 1e-5)
    let bytes = Self.floats(x.shape, x.shape)
    try time("group norm + silu, \(channels), \(side)x\(side)", bytes: bytes) { group(x, silu: true) }
    try time("layer norm, \(channels), \(2 * side * side) tokens", bytes: bytes) { layer(x) }
  }
}

extension Stopwatch {
  /// Gigabytes a second of the best of many sums of two arrays of 64 MiB: two reads and a write.
  static func bandwidth() -> Double {
    let count = 16 << 20
    let (a, b) = (Tensor(repeating: 1, shape: [count]), Tensor(repeating: 2, shape: [count]))
    var out = Tensor(zeros: [count])
    let best = (0..<10).map { _ in
      seconds {
        out.withMutableElements { out in
          a.withElements { a in
            b.withElements { ldm_add(out.baseAddress!, a.baseAddress!, $0.baseAddress!, count) }
          }
        }
      }.time
    }.min()!
    return 12 * Double(count) / best * 1e-9
  }
}
