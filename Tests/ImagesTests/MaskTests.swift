import Images
import Testing

@Suite struct MaskTests {
  private func dot(_ x: Int, _ y: Int, side: Int = 9) -> Mask {
    var tensor = Tensor(zeros: [1, 1, side, side])
    tensor[flat: y * side + x] = 1
    return Mask(tensor)
  }

  /// Pillow's grey of white, black, and the primaries; half is repainted, the value below it is not.
  @Test func greyIsPillows() {
    let colours: [[Float]] = [
      [255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255], [128, 128, 128], [127, 127, 127],
    ]
    let planes = (0..<3).flatMap { c in colours.map { $0[c] / 255 * 2 - 1 } }
    let mask = Mask(Image(tensor: Tensor(planes, shape: [1, 3, 1, 7])))
    #expect(mask.tensor.elements.map { Int(($0 * 255).rounded()) } == [255, 0, 76, 150, 29, 128, 127])
    #expect(mask.share == 3.0 / 7)
  }

  @Test func transparencyRepaints() throws {
    let opacity = Tensor([1, 0, 0.2, 1], shape: [1, 1, 2, 2])
    let image = Image(tensor: Tensor(zeros: [1, 3, 2, 2]), alpha: opacity)
    let mask = try #require(Mask(alphaOf: image))
    #expect(mask.tensor.distance(to: Tensor([0, 1, 0.8, 0], shape: [1, 1, 2, 2])) < 1e-6)
    #expect(mask.inverted().tensor.distance(to: opacity) < 1e-6)
    #expect(Mask(alphaOf: Image(tensor: Tensor(zeros: [1, 3, 2, 2]))) == nil)
  }

  @Test(arguments: [0, 1, 2, 20])
  func growingMakesASquare(pixels: Int) {
    let grown = dot(4, 3).grown(by: pixels).tensor.elements
    let expected = (0..<81).map { abs($0 % 9 - 4) <= pixels && abs($0 / 9 - 3) <= pixels ? Float(1) : 0 }
    #expect(grown == expected)
  }

  @Test func growingReachesTheBorder() {
    let grown = dot(0, 8).grown(by: 1)
    #expect(grown.tensor.elements.indices.filter { grown.tensor.elements[$0] == 1 } == [63, 64, 72, 73])
  }

  @Test func featheringSpreadsAndKeepsTheSum() {
    let soft = dot(4, 4).feathered(by: 3).tensor.elements
    #expect(abs(soft.reduce(0, +) - 1) < 1e-5)
    func at(_ x: Int, _ y: Int) -> Float { soft[y * 9 + x] }
    #expect(at(4, 4) == soft.max())
    #expect(abs(at(3, 4) - at(5, 4)) < 1e-7 && abs(at(4, 3) - at(3, 4)) < 1e-7)
    #expect(soft[4 * 9 + 3] > soft[4 * 9 + 2] && soft[4 * 9 + 1] > 0 && soft[4 * 9] == 0)
    let whole = Mask(Tensor(repeating: 1, shape: [1, 1, 5, 6])).feathered(by: 2)
    #expect(whole.tensor.elements.allSatisfy { abs($0 - 1) < 1e-6 })
    #expect(dot(4, 4).feathered(by: 0).tensor.elements == dot(4, 4).tensor.elements)
  }
}
