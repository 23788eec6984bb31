/// Laplace's equation in a hole, given values around it; no flow through the picture's border.
///
/// Solved from coarse to fine: half the size first, whose solution is the next size's first guess, then some sweeps of
/// successive over-relaxation. Smooth solutions need few.
struct Membrane {
  /// Known values; read where `hole` is false and a hole's pixel is next to it.
  let boundary: [Float]
  let hole: [Bool]
  let height, width: Int
  /// Pixels outside the hole that carry a value (its edge).
  private let known: [Bool]

  init(boundary: [Float], hole: [Bool], height: Int, width: Int) {
    var known = [Bool](repeating: false, count: hole.count)
    for y in 0..<height {
      for x in 0..<width where hole[y * width + x] {
        for (u, v) in [(x - 1, y), (x + 1, y), (x, y - 1), (x, y + 1)]
        where u >= 0 && u < width && v >= 0 && v < height && !hole[v * width + u] {
          known[v * width + u] = true
        }
      }
    }
    self.init(boundary: boundary, hole: hole, known: known, height: height, width: width)
  }

  private init(boundary: [Float], hole: [Bool], known: [Bool], height: Int, width: Int) {
    (self.boundary, self.hole, self.known, self.height, self.width) = (boundary, hole, known, height, width)
  }

  /// Values of all pixels; meaningful in the hole and on its edge.
  func solved() -> [Float] {
    guard known.contains(true) else { return [Float](repeating: 0, count: hole.count) }
    var u = boundary
    if min(height, width) > 4 {
      let coarse = halved
      let guess = coarse.solved()
      for y in 0..<height {
        for x in 0..<width where hole[y * width + x] { u[y * width + x] = guess[y / 2 * coarse.width + x / 2] }
      }
    }
    relax(&u, sweeps: 40)
    return u
  }

  /// A coarse pixel is known by the mean of the known ones in it, else part of the hole if one of them is.
  private var halved: Membrane {
    let (h, w) = ((height + 1) / 2, (width + 1) / 2)
    var sums = [Float](repeating: 0, count: h * w)
    var counts = sums
    var holes = [Bool](repeating: false, count: h * w)
    for y in 0..<height {
      for x in 0..<width {
        let (i, j) = (y * width + x, y / 2 * w + x / 2)
        if known[i] {
          sums[j] += boundary[i]
          counts[j] += 1
        } else if hole[i] {
          holes[j] = true
        }
      }
    }
    let values = zip(sums, counts).map { $1 > 0 ? $0 / $1 : 0 }
    return Membrane(
      boundary: values, hole: zip(holes, counts).map { $0 && $1 == 0 }, known: counts.map { $0 > 0 }, height: h,
      width: w)
  }

  private func relax(_ u: inout [Float], sweeps: Int) {
    let factor: Float = 1.7
    let inside = hole.indices.filter { hole[$0] }
    u.withUnsafeMutableBufferPointer { u in
      for _ in 0..<sweeps {
        for i in inside {
          let (x, y) = (i % width, i / width)
          var sum: Float = 0
          var count: Float = 0
          if x > 0, hole[i - 1] || known[i - 1] { (sum, count) = (sum + u[i - 1], count + 1) }
          if x + 1 < width, hole[i + 1] || known[i + 1] { (sum, count) = (sum + u[i + 1], count + 1) }
          if y > 0, hole[i - width] || known[i - width] { (sum, count) = (sum + u[i - width], count + 1) }
          if y + 1 < height, hole[i + width] || known[i + width] { (sum, count) = (sum + u[i + width], count + 1) }
          if count > 0 { u[i] += factor * (sum / count - u[i]) }
        }
      }
    }
  }
}
