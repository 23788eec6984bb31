import Tensors
import Testing

@Suite struct TensorsTests {
  private let a = Tensor((0..<24).map(Float.init), shape: [1, 2, 3, 4])

  @Test(arguments: [(1, 0..<1), (2, 1..<3), (3, 1..<4)] as [(Int, Range<Int>)])
  func slicesJoinToTheWhole(axis: Int, range: Range<Int>) {
    let parts = [0..<range.lowerBound, range, range.upperBound..<a.shape[axis]].map { a.slice(axis: axis, $0) }
    #expect(Tensor.concatenate(parts, axis: axis).elements == a.elements)
  }

  @Test func anAxisReversed() {
    #expect(Tensor([0, 1, 2, 3, 4, 5], shape: [1, 3, 2]).reversed(axis: 1).elements == [4, 5, 2, 3, 0, 1])
    #expect(Array(a.reversed(axis: 3).elements.prefix(5)) == [3, 2, 1, 0, 7])
  }

  @Test func channelsLastAndBack() {
    #expect(a.channelsLast().shape == [1, 3, 4, 2])
    #expect(Array(a.channelsLast().elements.prefix(4)) == [0, 12, 1, 13])
    #expect(a.channelsLast().channelsFirst().elements == a.elements)
  }

  @Test func aCopyIsNotChangedByAWrite() {
    var copy = a
    copy[flat: 0] = 9
    #expect(a[flat: 0] == 0)
    #expect(copy[flat: 0] == 9)
  }

  @Test func statistics() {
    let x = Tensor([1, 2, 3, 4], shape: [4])
    #expect(x.mean == 2.5)
    #expect(abs(x.standardDeviation - 1.2909944487) < 1e-9)
    #expect(Tensor([1, .nan], shape: [2]).distance(to: Tensor([1, 1], shape: [2])) == .infinity)
    #expect(Tensor([1, 3], shape: [2]).distance(to: Tensor([1, 2], shape: [2])) == 0.5)
  }

  @Test func arithmetic() {
    let (x, y) = (Tensor([1, -2], shape: [2]), Tensor([3, 5], shape: [2]))
    #expect((x + y).elements == [4, 3])
    #expect((x - y).elements == [-2, -7])
    #expect((2 * x * y).elements == [6, -20])
    #expect(x.clamped(to: -1...0).elements == [0, -1])
    #expect(x.repeated(2).elements == [1, -2, 1, -2])
  }
}
