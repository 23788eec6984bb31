import Foundation
import Images
import Testing

/// Pictures read, written and resampled part by part give what they give as a whole.
@Suite struct RectangleTests {
  private func map(_ shape: [Int]) -> Tensor {
    Tensor(shape: shape) { out in for i in out.indices { out[i] = Float(sin(Double(i) * 0.7)) } }
  }

  @Test(arguments: [8, 16])
  func rectanglesOfSamplesComeBack(depth: Int) {
    let whole = Image(tensor: map([1, 3, 20, 30]), depth: depth)
    var sheet = Image(width: 30, height: 20, depth: depth)
    for top in stride(from: 0, to: 20, by: 7) {
      let rows = top..<min(top + 7, 20)
      sheet.write(whole.tensor(rows: rows, columns: 0..<11), top: top, left: 0)
      sheet.write(whole.tensor(rows: rows, columns: 11..<30), top: top, left: 11)
    }
    #expect(sheet.tensor().elements == whole.tensor().elements)
  }

  @Test func whereTheMaskIsZeroSamplesStay() {
    let before = Image(tensor: map([1, 3, 8, 8]), alpha: Tensor(repeating: 0.5, shape: [1, 1, 8, 8]))
    let mask = Tensor(shape: [1, 1, 4, 4]) { out in for i in out.indices { out[i] = i < 8 ? 1 : 0 } }
    var after = before
    after.write(Tensor(repeating: 1, shape: [1, 3, 4, 4]), top: 2, left: 3, where: mask)
    let (a, b) = (before.tensor().elements, after.tensor().elements)
    for i in a.indices {
      let isInside = (2..<4).contains(i % 64 / 8) && (3..<7).contains(i % 8)
      #expect(isInside ? b[i] == 1 : a[i] == b[i])
    }
    #expect(after.alphaTensor()!.elements == before.alphaTensor()!.elements)
  }

  @Test(arguments: [(40, 30), (100, 7), (13, 90)], [ResampleFilter.bicubicAntialiased, .lanczos3, .bilinear, .area])
  func stripsResampleAsTheWholeDoes(target: (Int, Int), filter: ResampleFilter) {
    let x = map([1, 3, 50, 37])
    let expected = x.resized(height: target.0, width: target.1, filter)
    var resampler = StripResampler(from: (50, 37), to: target, filter)
    var parts: [Tensor] = []
    for (top, end) in [(0, 1), (1, 20), (20, 21), (21, 50)] {
      if let part = resampler.add(x.slice(axis: 2, top..<end)) { parts.append(part) }
    }
    #expect(Tensor.concatenate(parts, axis: 2).elements == expected.elements)
    let corner = x.resized(
      height: target.0, width: target.1, rows: 3..<9, columns: 2..<6, filter)
    #expect(corner.elements == expected.cropped(top: 3, left: 2, height: 6, width: 4).elements)
  }
}
