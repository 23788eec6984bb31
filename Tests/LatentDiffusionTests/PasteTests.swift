import LatentDiffusion
import Testing

/// What a paste does with the step at a hole's border.
@Suite struct PasteTests {
  private static let (height, width) = (24, 32)
  private static let hole = (rows: 8..<20, columns: 10..<22)

  private static func isHole(_ i: Int) -> Bool {
    hole.rows.contains(i / width % height) && hole.columns.contains(i % width)
  }

  /// A slope, lighter by `step` in the hole and by `shift` all over.
  private static func slope(step: Float = 0, shift: Float = 0) -> Tensor {
    Tensor(shape: [1, 3, height, width]) { out in
      for i in out.indices { out[i] = Float(i % width) / 64 - 0.5 + shift + (isHole(i) ? step : 0) }
    }
  }

  private static let mask = Tensor(shape: [1, 1, height, width]) { out in
    for i in out.indices { out[i] = isHole(i) ? 1 : 0 }
  }

  /// The largest difference in the hole, and outside it.
  private func differences(_ pasted: Tensor, from original: Tensor) -> (inside: Float, outside: Float) {
    var (inside, outside): (Float, Float) = (0, 0)
    for (i, (x, y)) in zip(pasted.elements, original.elements).enumerated() {
      if Self.isHole(i) { inside = max(inside, abs(x - y)) } else { outside = max(outside, abs(x - y)) }
    }
    return (inside, outside)
  }

  @Test(arguments: [(Seam.decoder, Float(0)), (.border, 0.05)])
  func aShiftOfTheDecoderIsTakenOut(seam: Seam, tolerance: Float) {
    let pasted = paste(Self.slope(shift: 0.3), over: Self.slope(), mask: Self.mask, seam: seam)
    let (inside, outside) = differences(pasted, from: Self.slope())
    #expect(inside <= tolerance + 1e-5)
    #expect(outside == 0)
  }

  @Test(arguments: [(Seam.decoder, 0.4...0.4), (.border, 0...0.05)] as [(Seam, ClosedRange<Float>)])
  func aStepAtTheBorderIsTakenOutWhereAskedFor(seam: Seam, expected: ClosedRange<Float>) {
    let pasted = paste(Self.slope(step: 0.4), over: Self.slope(), mask: Self.mask, seam: seam)
    let (inside, outside) = differences(pasted, from: Self.slope())
    #expect(expected.lowerBound - 1e-5 <= inside && inside <= expected.upperBound + 1e-5)
    #expect(outside == 0)
  }
}
