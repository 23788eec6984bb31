import Diffusion
import Testing

@Suite struct NoiseTests {
  @Test func torchMatchesPyTorchForFewValues() {
    var noise = Noise(seed: 0)
    #expect(noise([5]).elements == [1.5409961, -0.2934289, -2.1787894, 0.56843126, -1.0845224])
  }

  @Test func torchMatchesPyTorchForBlocksAndTheirTail() {
    var noise = Noise(seed: 0)
    let expected: [Float] = [
      -1.1258398, -1.1523602, -0.2505786, -0.4338788, 0.5988395, -1.5550951, -0.3413604, 1.8530061, 0.4680964,
      -0.1577124, 1.4436601, 0.2660494, 1.3893661, 1.5863342, 0.9462984, -0.8436767, 0.9318266, 1.2590092, 2.0049806,
      0.0537369,
    ]
    #expect(zip(noise([20]).elements, expected).allSatisfy { abs($0 - $1) <= 3e-7 })
  }

  @Test func successiveDrawsContinueTheStream() {
    var noise = Noise(seed: 7)
    let first = (0..<4).map { _ in noise([1, 4, 2, 2])[flat: 0] }
    #expect(zip(first, [-0.8201345, -1.5826646, -0.08352823, -0.17819262]).allSatisfy { abs($0 - $1) <= 3e-7 })
  }

  @Test func theLowerHalfOfASeedDecides() {
    var (a, b, c) = (Noise(seed: 5), Noise(seed: 5 + 1 << 32), Noise(seed: 6))
    let draw = a([3]).elements
    #expect(draw == b([3]).elements)
    #expect(draw != c([3]).elements)
  }

  /// The cached half of a pair survives a block draw, as in a PyTorch generator.
  @Test func theCachedValueSurvivesALargeDraw() {
    var (mixed, pair) = (Noise(seed: 3), Noise(seed: 3))
    _ = mixed([1])
    _ = mixed([16])
    #expect(mixed([1]).elements[0] == pair([2]).elements[1])
  }

  @Test(
    arguments: [
      (UInt64(0), 0, [-0.9246626, -0.4253441, -2.6438458, 0.1451839, -0.1208665, -0.5797256, -0.6228512, -0.3283871]),
      (0, 1, [0.1808259, -0.5522628, 0.9238134, -0.7349706]),
      (1, 0, [-0.2962779, 2.676448, -0.1408464, -0.8440952]),
      (1 << 40 + 3, 0, [-1.3825017, 0.5182017, 1.1696048]),
    ] as [(UInt64, Int, [Float])])
  func philoxMatchesCUDA(seed: UInt64, call: Int, expected: [Float]) {
    var noise = Noise(seed: seed, generator: .philox)
    for _ in 0..<call { _ = noise([4]) }
    #expect(zip(noise([expected.count]).elements, expected).allSatisfy { abs($0 - $1) <= 1e-6 })
  }

  @Test func recordedDrawsComeBackInOrder() {
    var noise = Noise(recorded: [Tensor([1], shape: [1]), Tensor([2], shape: [1])])
    #expect([noise([1])[flat: 0], noise([1])[flat: 0]] == [1, 2])
  }
}
