import Foundation
import Images
import Testing

/// `Fixtures/resampled.json` has Pillow's and PyTorch's numbers (`Tests/Reference/images.py`).
@Suite struct ResamplingTests {
  struct Golden: Decodable {
    struct Case: Decodable, Sendable, CustomTestStringConvertible {
      var filter: String
      var width, height: Int
      var values: [Float]
      var testDescription: String { "\(filter) to \(width) x \(height)" }
    }
    struct Area: Decodable { var source, target: [Float] }
    var width, height: Int
    var source: [Float]
    var area: Area
    var cases: [Case]
  }

  static let golden = try! JSONDecoder().decode(Golden.self, from: Data(Pictures.fixture("resampled.json")))
  private static let filters: [String: ResampleFilter] = [
    "bicubicAntialiased": .bicubicAntialiased, "lanczos3": .lanczos3, "nearest": .nearest, "bilinear": .bilinear,
    "bicubic": .bicubic,
  ]

  @Test(arguments: golden.cases)
  func agreesWithTheReference(_ one: Golden.Case) throws {
    let source = Tensor(Self.golden.source, shape: [1, 1, Self.golden.height, Self.golden.width])
    let filter = try #require(Self.filters[one.filter])
    let found = source.resized(height: one.height, width: one.width, filter)
    #expect(found.distance(to: Tensor(one.values, shape: [1, 1, one.height, one.width])) < 2e-6)
  }

  @Test func areaIsTheMeanOfWhatIsCovered() {
    let source = Tensor(Self.golden.area.source, shape: [1, 1, 6, 8])
    let halves = source.resized(height: 2, width: 4, .area)
    #expect(halves.distance(to: Tensor(Self.golden.area.target, shape: [1, 1, 2, 4])) < 1e-6)
    // Two thirds of the size: the middle target covers halves of two samples.
    let row = Tensor([0, 3, 6], shape: [1, 1, 1, 3]).resized(height: 1, width: 2, .area)
    #expect(row.distance(to: Tensor([1, 5], shape: [1, 1, 1, 2])) < 1e-6)
  }

  @Test(arguments: [ResampleFilter.nearest, .bilinear, .bicubic, .bicubicAntialiased, .lanczos3, .area])
  func aFlatPictureStaysFlat(filter: ResampleFilter) {
    let flat = Tensor(repeating: 0.7, shape: [1, 2, 9, 13])
    for (height, width) in [(1, 1), (4, 40), (30, 5), (9, 13)] {
      let found = flat.resized(height: height, width: width, filter)
      #expect(found.shape == [1, 2, height, width] && found.elements.allSatisfy { abs($0 - 0.7) < 1e-6 })
    }
  }

  @Test func framesAreReflections() {
    let x = Tensor([1, 2, 3, 4, 5, 6], shape: [1, 1, 2, 3])
    let framed = x.framedByReflection(top: 1, left: 2, bottom: 3, right: 4)
    #expect(framed.shape == [1, 1, 6, 9])
    #expect(Array(framed.elements.prefix(9)) == [6, 5, 4, 5, 6, 5, 4, 5, 6])
    #expect(framed.cropped(top: 1, left: 2, height: 2, width: 3).elements == x.elements)
    #expect(x.paddedByReflection(height: 2, width: 3).elements == x.elements)
    #expect(Tensor([7], shape: [1, 1, 1, 1]).paddedByReflection(height: 2, width: 3).elements == [7, 7, 7, 7, 7, 7])
  }
}
