import Foundation
import LatentDiffusion
import Testing

@Suite struct PatchDenoiserTests {
  private let schedule: NoiseSchedule

  init() throws { schedule = try NoiseSchedule(SchedulerConfig()) }

  /// A map `[1, 2, h, w]` of values by row and column.
  private func map(_ h: Int, _ w: Int, _ value: (_ channel: Int, _ y: Int, _ x: Int) -> Double) -> Tensor {
    Tensor(shape: [1, 2, h, w]) { out in
      for i in out.indices { out[i] = Float(value(i / (h * w), i / w % h, i % w)) }
    }
  }

  private func hole(_ h: Int, _ w: Int, _ rows: Range<Int>, _ columns: Range<Int>) -> Tensor {
    Tensor(shape: [1, 1, h, w]) { out in
      for i in out.indices { out[i] = rows.contains(i / w) && columns.contains(i % w) ? 1 : 0 }
    }
  }

  private func input(_ x: Tensor, sigma: Double) -> DenoiserInput {
    DenoiserInput(
      latents: x * Float(1 / NoiseLevel(sigma: sigma).scale), timestep: schedule.timestep(ofSigma: sigma))
  }

  private func stripes(_ h: Int, _ w: Int, period: Int) -> Tensor {
    map(h, w) { c, _, x in sin(2 * .pi * Double(x) / Double(period)) + Double(c) }
  }

  /// The formula, term by term: windows of 5 x 5 above sigma 0.12, of 3 x 3 below; those in the map that come no nearer to
  /// the hole than one latent.
  @Test(arguments: [0.3, 0.08]) func aLatentIsWhatAllKnownWindowsLetExpect(sigma: Double) throws {
    let (h, w, rows, columns) = (16, 18, 4..<7, 5..<8)
    let known = map(h, w) { c, y, x in 0.3 * sin(Double(7 * y * y + 3 * x * x + 2 * x * y + c)) }
    let noisy = map(h, w) { c, y, x in 0.3 * cos(Double(5 * y + x * x + c)) }
    let denoiser = try #require(
      PatchDenoiser(latents: known, mask: hole(h, w, rows, columns), coarse: nil, noise: schedule, seed: 1))
    let found = try denoiser.predict(input(noisy, sigma: sigma)).elements
    let (z, x) = (known.elements, noisy.elements)
    let exact = schedule.sigma(at: schedule.timestep(ofSigma: sigma))
    let reach = sigma < 0.12 ? 1 : 2
    func reflected(_ i: Int, _ n: Int) -> Int { i < 0 ? -i : i >= n ? 2 * n - 2 - i : i }
    func seen(_ c: Int, _ y: Int, _ x0: Int) -> Double {
      let (y, x0) = (reflected(y, h), reflected(x0, w))
      return Double((rows.contains(y) && columns.contains(x0) ? x : z)[(c * h + y) * w + x0])
    }
    for y in rows {
      for x0 in columns {
        var (total, sums) = (0.0, [0.0, 0.0])
        for v in 2..<(h - 2) {
          for u in 2..<(w - 2)
          where v + 3 < rows.lowerBound || v - 3 >= rows.upperBound || u + 3 < columns.lowerBound
            || u - 3 >= columns.upperBound
          {
            var distance = 0.0
            for c in 0..<2 {
              for dy in -reach...reach {
                for dx in -reach...reach {
                  distance += pow(seen(c, y + dy, x0 + dx) - Double(z[(c * h + v + dy) * w + u + dx]), 2)
                }
              }
            }
            let weight = exp(-distance / (2 * exact * exact))
            total += weight
            for c in 0..<2 { sums[c] += weight * Double(z[(c * h + v) * w + u]) }
          }
        }
        for c in 0..<2 { #expect(abs(Double(found[(c * h + y) * w + x0]) - sums[c] / total) < 1e-3) }
      }
    }
    for i in z.indices where !(rows.contains(i / w % h) && columns.contains(i % w)) { #expect(found[i] == z[i]) }
  }

  /// Stripes that are painted faint become as the others are; and so they do in a map twice as large, where few windows are
  /// looked at.
  @Test func faintStripesAreMadeAsTheOthersAre() throws {
    let small = stripes(24, 24, period: 4)
    let mask = hole(24, 24, 8..<14, 9..<16)
    let faint = map(24, 24) { c, y, x in
      let full = sin(2 * .pi * Double(x) / 4)
      return (8..<14).contains(y) && (9..<16).contains(x) ? full / 2 + Double(c) : full + Double(c)
    }
    let coarse = try #require(PatchDenoiser(latents: faint, mask: mask, coarse: nil, noise: schedule, seed: 1))
    let painted = try coarse.predict(input(faint, sigma: 0.1))
    #expect(painted.distance(to: small) < 1e-3 && coarse.composed.distance(to: small) < 1e-5)

    let large = stripes(48, 48, period: 8)
    let fine = try #require(
      PatchDenoiser(
        latents: large, mask: hole(48, 48, 16..<28, 18..<32), coarse: coarse.matches, noise: schedule, seed: 2))
    #expect(fine.composed.distance(to: large) < 1e-5)
    let noisy = large + map(48, 48) { c, y, x in 0.2 * cos(Double(5 * y * x + 3 * x + c)) }
    #expect(try fine.predict(input(noisy, sigma: 0.2)).distance(to: large) < 0.1)
  }

  /// The hole is filled from its border, whatever is painted there.
  @Test func windowsThatGoOnFillAHole() throws {
    let whole = stripes(24, 24, period: 4)
    let grey = map(24, 24) { c, y, x in
      (8..<14).contains(y) && (9..<16).contains(x) ? Double(c) : sin(2 * .pi * Double(x) / 4) + Double(c)
    }
    let denoiser = try #require(
      PatchDenoiser(latents: grey, mask: hole(24, 24, 8..<14, 9..<16), coarse: nil, noise: schedule, seed: 1))
    #expect(denoiser.composed.distance(to: whole) < 1e-5)
  }

  /// Where windows go on equally well what is painted decides between them.
  @Test func whatIsPaintedDecidesWhereTheBorderDoesNot() throws {
    // A wall without marks but for a light one to the left and a dark one to the right.
    func wall(_ middle: Double) -> Tensor {
      map(24, 24) { c, y, x in
        guard (11..<13).contains(y) else { return 0 }
        return (3..<7).contains(x) ? 2 : (17..<21).contains(x) ? -2 : (10..<14).contains(x) ? middle : 0
      }
    }
    let mask = hole(24, 24, 9..<15, 10..<14)
    for middle in [2.0, -2] {
      let denoiser = try #require(
        PatchDenoiser(latents: wall(middle), mask: mask, coarse: nil, noise: schedule, seed: 1))
      let inside = mask.elements.indices.filter { mask.elements[$0] > 0 }
      let values = inside.map { Double(denoiser.composed.elements[$0]) }
      #expect(values.contains(middle) && !values.contains(-middle))
    }
  }

  /// The picture mirrored shows the other half of what is symmetric, and at a larger size shows it again.
  @Test func aMirroredPictureCompletesASymmetricOne() throws {
    func symmetric(_ side: Int) -> Tensor {
      map(side, side) { c, y, x in
        let away = Double(abs(2 * x + 1 - side))
        return sin(1.7 * Double(y * y) + 0.9 * away * away + 0.6 * away * Double(y) + Double(c))
      }
    }
    func denoiser(_ side: Int, like coarse: PatchMatches?) throws -> PatchDenoiser {
      let mask = hole(side, side, (side / 3)..<(2 * side / 3), (2 * side / 3)..<(5 * side / 6))
      let painted = symmetric(side).zip(Tensor.concatenate([mask, mask], axis: 1)) { $1 > 0 ? 0 : $0 }
      return try #require(
        PatchDenoiser(
          latents: Tensor.concatenate([painted, painted.reversed(axis: 3)], axis: 0),
          mask: Tensor.concatenate([mask, mask.reversed(axis: 3)], axis: 0), coarse: coarse, noise: schedule, seed: 1))
    }
    let small = try denoiser(24, like: nil)
    #expect(small.composed.distance(to: symmetric(24)) < 1e-5)
    let large = try denoiser(48, like: small.matches)
    #expect(large.composed.distance(to: symmetric(48)) < 1e-5)
    #expect(try large.predict(input(symmetric(48), sigma: 0.1)).distance(to: symmetric(48)) < 0.01)
  }

  /// What is matched is known, whole, at every size.
  @Test func matchesAreKnownWindows() throws {
    let latents = map(20, 30) { c, y, x in sin(Double(y * y + 2 * x * x + c)) }
    let (rows, columns) = (0..<9, 21..<30)
    let denoiser = try #require(
      PatchDenoiser(latents: latents, mask: hole(20, 30, rows, columns), coarse: nil, noise: schedule, seed: 1))
    _ = try denoiser.predict(input(latents, sigma: 0.3))
    let twice = latents.resized(height: 40, width: 60, .bicubic)
    let larger = try #require(
      PatchDenoiser(
        latents: twice, mask: hole(40, 60, 0..<18, 42..<60), coarse: denoiser.matches, noise: schedule, seed: 1))
    for _ in 0..<3 { _ = try larger.predict(input(twice, sigma: 0.3)) }
    for (place, match) in larger.matches.places.enumerated() {
      let isHole = place / 60 < 18 && place % 60 >= 42
      #expect((match >= 0) == isHole)
      guard match >= 0 else { continue }
      let (y, x) = (Int(match) / 60, Int(match) % 60)
      #expect((2..<38).contains(y) && (2..<58).contains(x) && (y >= 21 || x < 39))
    }
  }

  @Test func withoutEnoughThatIsKnownThereIsNone() {
    let latents = stripes(12, 12, period: 4)
    #expect(
      PatchDenoiser(latents: latents, mask: hole(12, 12, 0..<12, 0..<7), coarse: nil, noise: schedule, seed: 1) == nil)
    #expect(
      PatchDenoiser(latents: latents, mask: hole(12, 12, 0..<0, 0..<0), coarse: nil, noise: schedule, seed: 1) == nil)
    let narrow = stripes(4, 90, period: 4)
    #expect(
      PatchDenoiser(latents: narrow, mask: hole(4, 90, 0..<4, 0..<7), coarse: nil, noise: schedule, seed: 1) == nil)
  }
}
