import Diffusion

/// Latents of a picture, and of it mirrored, as windows about each place, and which of them hold no part of a hole.
///
/// A place is a number that counts row by row, and map by map.
struct Exemplars {
  /// Of a map.
  let size: Size
  /// Half a window's side, rounded down.
  let reach: Int
  /// Places in the first map that are painted.
  let hole: [Int]
  /// Middles of the windows that are known whole, in all maps; and whether each place is one.
  let places: [Int]
  let serves: [Bool]
  private let latents: Tensor
  /// The latents with `reach` more on each side, reflected, and their channels last.
  private(set) var maps: Tensor

  /// Latents next to a hole know of what was in it when they were encoded.
  private static let margin = 1

  /// - Parameters: latents: `[maps, C, h, w]`; mask: `[maps, 1, h, w]`, above 0 is painted.
  init(_ latents: Tensor, mask: Tensor, reach: Int) {
    (self.latents, self.reach, maps) = (latents, reach, latents)
    let size = Size(height: latents.shape[2], width: latents.shape[3])
    self.size = size
    let isHole = mask.withElements { $0.map { $0 > 0 } }
    let plane = size.height * size.width
    let serves = Swift.stride(from: 0, to: isHole.count, by: plane).flatMap {
      Self.whole(Array(isHole[$0..<($0 + plane)]), size, reach: reach)
    }
    self.serves = serves
    hole = (0..<plane).filter { isHole[$0] }
    places = serves.indices.filter { serves[$0] }
    maps = framed(latents)
  }

  var channels: Int { latents.shape[1] }
  private var plane: Int { size.height * size.width }
  /// Floats from one row of `maps` to the next.
  private var stride: Int { (size.width + 2 * reach) * channels }

  /// Latents `[N, C, h, w]` as `maps` are laid out.
  func framed(_ latents: Tensor) -> Tensor {
    latents.framedByReflection(top: reach, left: reach, bottom: reach, right: reach).channelsLast()
  }

  /// Where the window about a place starts in what is framed; counted in channels.
  func corner(of place: Int) -> Int {
    let (width, height) = (size.width + 2 * reach, size.height + 2 * reach)
    return (place / plane * height + place % plane / size.width) * width + place % size.width
  }

  /// The middle of a known window so far from a place of the same map; nil where there is none.
  func place(_ place: Int, movedBy dy: Int, _ dx: Int) -> Int? {
    let (y, x) = (place % plane / size.width + dy, place % size.width + dx)
    guard (0..<size.height).contains(y), (0..<size.width).contains(x) else { return nil }
    let moved = place + dy * size.width + dx
    return serves[moved] ? moved : nil
  }

  /// The first map as it is, `[1, C, h, w]`.
  var first: Tensor { latents.slice(axis: 0, 0..<1) }

  /// The first map with other latents in the hole, `[1, C, h, w]`.
  ///
  /// - Parameter body: adds a place's channels to zeros.
  func replaced(backwards: Bool = false, _ body: (_ place: Int, _ channels: inout [Float]) -> Void) -> Tensor {
    var result = first
    var sums: [Float] = []
    result.withMutableElements { out in
      for index in hole.indices {
        let place = hole[backwards ? hole.count - 1 - index : index]
        sums = Array(repeating: 0, count: channels)
        body(place, &sums)
        for c in 0..<channels { out[c * plane + place] = sums[c] }
      }
    }
    return result
  }

  /// Adds the latent at a place.
  ///
  /// - Parameter others: `[1, C, h, w]`; nil: the known ones.
  func add(_ place: Int, of others: Tensor? = nil, to sums: inout [Float], weight: Float = 1) {
    (others ?? latents).withElements { latents in
      let start = place / plane * channels * plane + place % plane
      for c in sums.indices { sums[c] += weight * latents[start + c * plane] }
    }
  }
}

extension Exemplars {
  /// |X - Z|² of the window of `x`, laid out as `framed` does, at a place and the known one at another.
  ///
  /// - Parameter reach: of the windows compared.
  func distance(
    _ x: UnsafeBufferPointer<Float>, at place: Int, to other: Int, reach: Int
  ) -> Float {
    let length = (2 * reach + 1) * channels
    let inset = (self.reach - reach) * (stride + channels)
    return maps.withElements { maps in
      var a = x.baseAddress! + corner(of: place) * channels + inset
      var b = maps.baseAddress! + corner(of: other) * channels + inset
      var sum: Float = 0
      for _ in 0...(2 * reach) {
        sum += Self.distance(a, b, length)
        a += stride
        b += stride
      }
      return sum
    }
  }

  private static func distance(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Float {
    func lanes(_ p: UnsafePointer<Float>, _ i: Int) -> SIMD4<Float> {
      UnsafeRawPointer(p + i).loadUnaligned(as: SIMD4<Float>.self)
    }
    var sums = SIMD4<Float>.zero
    let whole = count / 4 * 4
    for i in Swift.stride(from: 0, to: whole, by: 4) {
      let difference = lanes(a, i) - lanes(b, i)
      sums += difference * difference
    }
    return (whole..<count).reduce(sums.sum()) { $0 + (a[$1] - b[$1]) * (a[$1] - b[$1]) }
  }

  /// Whether each window lies within the map and keeps the margin from the hole.
  private static func whole(_ isHole: [Bool], _ size: Size, reach: Int) -> [Bool] {
    let (h, w) = (size.height, size.width)
    // Sums over rectangles from the corner (Crow 1984).
    var sums = [Int32](repeating: 0, count: (h + 1) * (w + 1))
    for y in 0..<h {
      for x in 0..<w {
        let here = (y + 1) * (w + 1) + x + 1
        sums[here] = sums[here - 1] + sums[here - w - 1] - sums[here - w - 2] + (isHole[y * w + x] ? 1 : 0)
      }
    }
    return isHole.indices.map { place in
      let (y, x, far) = (place / w, place % w, reach + margin)
      guard y >= reach, y < h - reach, x >= reach, x < w - reach else { return false }
      let (top, bottom) = (max(y - far, 0) * (w + 1), min(y + far + 1, h) * (w + 1))
      let (left, right) = (max(x - far, 0), min(x + far + 1, w))
      return sums[bottom + right] - sums[top + right] - sums[bottom + left] + sums[top + left] == 0
    }
  }
}
