import CKernels
import Foundation
import Layers
import Testing

/// The kernels of each CPU level, each in a process of its own: `LDM_CPU` is read once.
@Suite struct LevelTests {
  @Test(arguments: [("scalar", 1), ("scalar", 3), ("avx2", 2), ("avx512", 1), ("avx512", 5), ("avx512bf16", 2)])
  func equalsPlainSwift(level: String, threads: Int) async {
    await #expect(processExitsWith: .success) { [level, threads] in
      setenv("LDM_CPU", level, 1)
      ldm_set_threads(Int32(threads))
      // A level that this CPU lacks falls back to its best, which has its own turn.
      guard String(cString: ldm_cpu_name()) == level else { return }
      for comparison in Comparison.all {
        #expect(comparison.distance <= comparison.bound, "\(comparison.testDescription)")
      }
      #expect(Conversions.failures == [])
      for fault in [Float.nan, .infinity] {
        let (x, scores) = (Tensor(repeating: 1, shape: [1, 40, 8]), Tensor(repeating: fault, shape: [1, 40, 8]))
        for half in [false, true] {
          #expect(!attention(x, scores, x, heads: 1, half: half).isFinite, "\(fault) is lost in attention")
        }
      }
    }
  }
}
