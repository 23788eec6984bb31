import CKernels
import Diffusion
import Layers

/// Runs parts and keeps their medians.
struct Stopwatch {
  let runs: Int
  var parts: [PartTimes.Part] = []

  init(runs: Int) { self.runs = max(runs, 1) }

  mutating func time(_ name: String, _ body: () throws -> Void) rethrows {
    let (seconds, operations) = try measured(body)
    parts.append(PartTimes.Part(name: name, seconds: seconds, gflops: operations / seconds * 1e-9))
  }

  /// The median over runs, after one that is not counted, and the operations of a run.
  func measured(_ body: () throws -> Void) rethrows -> (seconds: Double, operations: Double) {
    try body()
    let before = ldm_products()
    let times = try (0..<runs).map { _ in try Self.seconds(body).time }.sorted()
    return (times[times.count / 2], 2 * Double(ldm_products() - before) / Double(runs))
  }

  static func seconds<Result>(_ body: () throws -> Result) rethrows -> (time: Double, result: Result) {
    let clock = ContinuousClock()
    let start = clock.now
    let result = try body()
    let duration = clock.now - start
    return (Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18, result)
  }

  /// GFLOPS of the best of many products of 768 x 640 by 640 x 640.
  static func peak(_ policy: KernelPolicy) -> Double {
    let (rows, width) = (768, 640)
    let layer = Linear(weight: Tensor(repeating: 0.5, shape: [width, width]), bias: nil, policy: policy)
    let x = Tensor(repeating: 0.5, shape: [rows, width])
    let best = (0..<50).map { _ in seconds { layer(x) }.time }.min()!
    return 2 * Double(rows * width * width) / best * 1e-9
  }
}
