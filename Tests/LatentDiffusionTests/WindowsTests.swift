import Foundation
import LatentDiffusion
import Testing

/// Numbers that no two neighbours share.
private func map(_ shape: [Int]) -> Tensor {
  Tensor(shape: shape) { out in for i in out.indices { out[i] = Float(sin(Double(i) * 0.7)) } }
}

@Suite struct WindowsTests {
  /// Weights sum to 1: what every window leaves alone comes back as it was.
  @Test(arguments: [(50, 70), (64, 16), (17, 200), (8, 8)], [(16, 4), (24, 8), (64, 16)])
  func theSameMapComesBack(size: (Int, Int), cut: (side: Int, overlap: Int)) throws {
    let x = map([1, 2, size.0, size.1])
    for isTrimmed in [false, true] {
      let windows = Windows(
        height: size.0, width: size.1, side: cut.side, overlap: cut.overlap, isTrimmed: isTrimmed)
      #expect(try windows.blend(x) { $0 }.distance(to: x) < 1e-6)
    }
  }

  @Test func trimmedWindowsShareNoMoreThanTheyMust() {
    let windows = Windows(height: 128, width: 70, side: 101, overlap: 16, isTrimmed: true)
    #expect(windows.rows == [0..<72, 56..<128])
    #expect(windows.columns == [0..<70])
    let many = Windows(height: 1001, width: 1, side: 101, overlap: 16, isTrimmed: true).rows
    #expect(many.allSatisfy { $0.count == many[0].count && $0.count <= 101 } && many.last!.upperBound == 1001)
    #expect(zip(many, many.dropFirst()).allSatisfy { $0.upperBound - $1.lowerBound >= 16 })
  }

  @Test func stripsComeInOrderAndWhole() throws {
    let x = map([1, 1, 100, 30])
    let windows = Windows(height: 100, width: 30, side: 32, overlap: 8)
    var rows = 0
    try windows.strips(
      scale: 2, { part in part.cut(x).resized(height: 2 * part.rows.count, width: 2 * part.columns.count, .nearest) },
      emit: { top, strip in
        #expect(top == rows && strip.shape[3] == 60)
        rows += strip.shape[2]
      })
    #expect(rows == 200)
  }

  /// Windows that answer different constants: no step in the result is larger than the ramp's own.
  @Test func differentWindowsMeetWithoutAnEdge() throws {
    var number: Float = 0
    let windows = Windows(height: 10, width: 100, side: 32, overlap: 16)
    let blended = try windows.blend(Tensor(zeros: [1, 1, 10, 100])) { part in
      number += 1
      return part.map { _ in number.truncatingRemainder(dividingBy: 2) }
    }.elements
    let steps = zip(blended.dropFirst(), blended).map { abs($0 - $1) }.prefix(98)
    #expect(steps.max()! < 0.16)
  }
}

@Suite struct HolesTests {
  private func mask(_ height: Int, _ width: Int, _ holes: [Region]) -> Tensor {
    Tensor(shape: [1, 1, height, width]) { out in
      for i in out.indices {
        out[i] = holes.contains { $0.rows.contains(i / width) && $0.columns.contains(i % width) } ? 1 : 0
      }
    }
  }

  @Test func holesFarApartAreGroups() {
    let (a, b) = (Region(rows: 10..<20, columns: 10..<30), Region(rows: 900..<950, columns: 700..<710))
    let holes = Holes(of: mask(1000, 800, [a, b]), native: 128)
    #expect(holes.groups == [a, b])
  }

  @Test func oneWindowServesNeighbours() {
    let (a, b) = (Region(rows: 10..<20, columns: 10..<30), Region(rows: 50..<60, columns: 10..<30))
    #expect(Holes(of: mask(1000, 800, [a, b]), native: 128).groups == [a.union(b)])
  }

  @Test func aGroupsMaskLeavesTheOthersOut() {
    let (a, b) = (Region(rows: 0..<10, columns: 0..<10), Region(rows: 0..<10, columns: 300..<310))
    let whole = mask(64, 400, [a, b])
    let holes = Holes(of: whole, native: 32)
    let own = holes.mask(whole, of: 1, in: Region(all: whole.shape))
    #expect(holes.groups.count == 2)
    #expect(own.elements == mask(64, 400, [b]).elements)
  }

  @Test func dustIsFewGroups() {
    let dust = (0..<40).flatMap { y in
      (0..<40).map { Region(rows: (y * 50)..<(y * 50 + 1), columns: ($0 * 50)..<($0 * 50 + 1)) }
    }
    let holes = Holes(of: mask(2000, 2000, dust), native: 128)
    #expect((1...64).contains(holes.groups.count))
  }

  @Test func nothingToRepaintIsNoGroup() { #expect(Holes(of: mask(40, 40, []), native: 32).groups.isEmpty) }
}
