import Foundation

/// How a picture's samples are weighted when its size changes.
public enum ResampleFilter: Sendable {
  case nearest
  case bilinear
  /// Keys' cubic with a = -0.75 on four samples, also when shrinking: PyTorch's `bicubic`.
  case bicubic
  /// Keys' cubic with a = -0.5, widened when shrinking: PyTorch's `bicubic` with antialiasing, Pillow's too.
  case bicubicAntialiased
  /// sinc windowed by sinc, three lobes, widened when shrinking.
  case lanczos3
  /// The mean of the covered area.
  case area

  private var support: Double {
    switch self {
    case .nearest, .area: 0.5
    case .bilinear: 1
    case .bicubic, .bicubicAntialiased: 2
    case .lanczos3: 3
    }
  }

  private var widens: Bool {
    switch self {
    case .nearest, .bicubic, .bilinear: false
    case .bicubicAntialiased, .lanczos3, .area: true
    }
  }

  private func weight(_ distance: Double) -> Double {
    let x = abs(distance)
    func cubic(_ a: Double) -> Double {
      if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
    }
    func sinc(_ x: Double) -> Double { x == 0 ? 1 : sin(.pi * x) / (.pi * x) }
    switch self {
    case .nearest: return 1
    case .area: return x <= 0.5 ? 1 : 0
    case .bilinear: return max(1 - x, 0)
    case .bicubic: return cubic(-0.75)
    case .bicubicAntialiased: return cubic(-0.5)
    case .lanczos3: return x < 3 ? sinc(x) * sinc(x / 3) : 0
    }
  }

  /// For every target sample: the first source sample and the weights from there on. Positions are of sample centres.
  func taps(from source: Int, to target: Int) -> [(first: Int, weights: [Float])] {
    let scale = Double(source) / Double(target)
    let stretch = widens ? max(scale, 1) : 1
    return (0..<target).map { i in
      let centre = (Double(i) + 0.5) * scale
      if self == .nearest { return (min(Int(Double(i) * scale), source - 1), [1]) }
      if self == .area { return Self.covered(Double(i) * scale, Double(i + 1) * scale, source) }
      let first = Int((centre - support * stretch + (widens ? 0.5 : -0.5)).rounded(.down)) + (widens ? 0 : 1)
      let last = Int((centre + support * stretch + (widens ? 0.5 : -0.5)).rounded(.down)) + (widens ? 0 : 1)
      return gathered(
        (first..<max(last, first + 1)).map { ($0, weight((Double($0) + 0.5 - centre) / stretch)) }, source)
    }
  }

  /// Weights of an interval's samples by the share of each that it covers.
  private static func covered(_ from: Double, _ to: Double, _ source: Int) -> (first: Int, weights: [Float]) {
    let first = min(Int(from), source - 1)
    let last = max(min(Int(to.rounded(.up)), source), first + 1)
    let shares = (first..<last).map { max(min(Double($0 + 1), to) - max(Double($0), from), 0) }
    let total = shares.reduce(0, +)
    return (first, shares.map { Float($0 / total) })
  }

  /// Samples outside count as the border's (plain filters) or not at all (antialiased ones), as PyTorch has it.
  private func gathered(_ samples: [(Int, Double)], _ source: Int) -> (first: Int, weights: [Float]) {
    let kept = widens ? samples.filter { $0.0 >= 0 && $0.0 < source } : samples
    let first = min(max(kept.first?.0 ?? 0, 0), source - 1)
    let last = min(max(kept.last?.0 ?? 0, 0), source - 1)
    var weights = [Double](repeating: 0, count: last - first + 1)
    for (index, weight) in kept { weights[min(max(index, first), last) - first] += weight }
    let total = weights.reduce(0, +)
    return (first, weights.map { Float($0 / total) })
  }
}

extension Tensor {
  /// `[N, C, H, W]` → `[N, C, height, width]`. Sample centres stand at half-integers (PyTorch's align_corners = False).
  public func resized(height: Int, width: Int, _ filter: ResampleFilter) -> Tensor {
    precondition(shape.count == 4 && height > 0 && width > 0, "resize of \(shape) to \(height) x \(width)")
    let wide = shape[3] == width ? self : resizedHorizontally(filter.taps(from: shape[3], to: width))
    return shape[2] == height ? wide : wide.resizedVertically(filter.taps(from: shape[2], to: height))
  }

  func resizedHorizontally(_ taps: [(first: Int, weights: [Float])]) -> Tensor {
    let (rows, source, target) = (shape[0] * shape[1] * shape[2], shape[3], taps.count)
    let firsts = taps.map(\.first)
    let widest = taps.map(\.weights.count).max()!
    let counts = taps.map(\.weights.count)
    let weights = taps.flatMap { $0.weights + Array(repeating: 0, count: widest - $0.weights.count) }
    return Tensor(shape: [shape[0], shape[1], shape[2], target]) { out in
      withElements { x in
        weights.withUnsafeBufferPointer { weights in
          for row in 0..<rows {
            let line = x.baseAddress! + row * source
            let to = out.baseAddress! + row * target
            for i in 0..<target {
              let samples = line + firsts[i]
              let own = weights.baseAddress! + i * widest
              var sum: Float = 0
              for k in 0..<counts[i] { sum += samples[k] * own[k] }
              to[i] = sum
            }
          }
        }
      }
    }
  }

  func resizedVertically(_ taps: [(first: Int, weights: [Float])]) -> Tensor {
    let (planes, source, columns) = (shape[0] * shape[1], shape[2], shape[3])
    return Tensor(shape: [shape[0], shape[1], taps.count, columns]) { out in
      withElements { x in
        for plane in 0..<planes {
          for (i, tap) in taps.enumerated() {
            let to = out.baseAddress! + (plane * taps.count + i) * columns
            for (k, weight) in tap.weights.enumerated() {
              let line = x.baseAddress! + (plane * source + tap.first + k) * columns
              if k == 0 {
                for j in 0..<columns { to[j] = weight * line[j] }
              } else {
                for j in 0..<columns { to[j] += weight * line[j] }
              }
            }
          }
        }
      }
    }
  }

  /// Extended below and to the right to `height` x `width` by reflection about the last row and column.
  public func paddedByReflection(height: Int, width: Int) -> Tensor {
    framedByReflection(top: 0, left: 0, bottom: height - shape[2], right: width - shape[3])
  }

  /// `[N, C, H, W]` with reflected rows and columns on every side; a single row or column is repeated.
  public func framedByReflection(top: Int, left: Int, bottom: Int, right: Int) -> Tensor {
    let (h, w) = (shape[2], shape[3])
    func mirrored(_ i: Int, _ length: Int) -> Int {
      guard length > 1 else { return 0 }
      let period = 2 * (length - 1)
      let place = ((i % period) + period) % period
      return place < length ? place : period - place
    }
    let columns = (0..<(w + left + right)).map { mirrored($0 - left, w) }
    return Tensor(shape: [shape[0], shape[1], h + top + bottom, w + left + right]) { out in
      withElements { x in
        var place = 0
        for plane in 0..<(shape[0] * shape[1]) {
          for row in 0..<(h + top + bottom) {
            let start = (plane * h + mirrored(row - top, h)) * w
            for column in columns {
              out[place] = x[start + column]
              place += 1
            }
          }
        }
      }
    }
  }

  /// A rectangle of `[N, C, H, W]`.
  public func cropped(top: Int, left: Int, height: Int, width: Int) -> Tensor {
    if top == 0 && left == 0 && height == shape[2] && width == shape[3] { return self }
    return slice(axis: 2, top..<(top + height)).slice(axis: 3, left..<(left + width))
  }
}
