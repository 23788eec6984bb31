import Diffusion
import LatentDiffusion
import Testing

@Suite struct DetailMatchingTests {
  /// Grey on the left, noise on the right.
  private let low: Tensor = {
    var noise = Noise(seed: 1)
    let right = 0.3 * noise([1, 3, 32, 32])
    return Tensor.concatenate([Tensor(repeating: 0.2, shape: [1, 3, 32, 32]), right], axis: 3)
  }()

  private func enlargement(of low: Tensor) -> Tensor {
    low.resized(height: 4 * low.shape[2], width: 4 * low.shape[3], .bicubicAntialiased)
  }

  @Test func whatIsAddedToACalmPlaceIsTakenAway() {
    var noise = Noise(seed: 2)
    let plain = enlargement(of: low)
    let picture = plain + 0.05 * noise(plain.shape)
    let matched = detailMatched(picture, to: low)
    func columns(_ x: Tensor, _ range: Range<Int>) -> Tensor { x.slice(axis: 3, range) }
    // Places are as wide as 16 pixels here, and shade into each other.
    #expect((columns(matched, 0..<88) - columns(plain, 0..<88)).elements.allSatisfy { abs($0) < 1e-4 })
    #expect((columns(matched, 152..<256) - columns(picture, 152..<256)).elements.allSatisfy { abs($0) < 1e-4 })
  }

  @Test func whatIsTooStrongIsAsStrongAsThePictureAllows() {
    var noise = Noise(seed: 3)
    let low = 0.1 * noise([1, 3, 48, 48])
    let plain = enlargement(of: low)
    let weak = detailMatched(plain + 0.5 * noise(plain.shape), to: low) - plain
    let coarse = low.resized(height: 24, width: 24, .bicubicAntialiased)
    let finest = low - coarse.resized(height: 48, width: 48, .bicubicAntialiased)
    #expect(abs(weak.standardDeviation / finest.standardDeviation - 1) < 0.05)
  }

  @Test func aFinishedPictureIsTheInputWhenItIsReduced() {
    var noise = Noise(seed: 4)
    let low = (0.3 * noise([1, 3, 16, 32])).resized(height: 32, width: 64, .bicubicAntialiased)
    let plain = enlargement(of: low)
    let picture = (0.9 * plain + 0.2 * noise(plain.shape)) + 0.1
    let result = finished(picture, of: low, matchesDetail: true)
    let reduced = result.resized(height: 32, width: 64, .bicubicAntialiased)
    #expect((reduced - low).standardDeviation < 0.02)
    #expect(abs((result - plain).mean) < 1e-3)
  }

  /// Smaller than a place is wide.
  @Test func onePixelIsAPictureToo() {
    let low = Tensor(repeating: 0.5, shape: [1, 3, 1, 1])
    let picture = Tensor(shape: [1, 3, 4, 4]) { out in for i in out.indices { out[i] = i % 2 == 0 ? 0.4 : 0.6 } }
    #expect(detailMatched(picture, to: low).elements.allSatisfy { abs($0 - 0.5) < 1e-6 })
  }
}
