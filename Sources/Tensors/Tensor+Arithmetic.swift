import Foundation

extension Tensor {
  /// `f` of every element.
  public func map(_ f: (Float) -> Float) -> Tensor {
    Tensor(shape: shape) { out in
      withElements { x in for i in x.indices { out[i] = f(x[i]) } }
    }
  }

  /// `f` of corresponding elements of two tensors of one shape.
  public func zip(_ other: Tensor, _ f: (Float, Float) -> Float) -> Tensor {
    precondition(shape == other.shape, "shapes \(shape) and \(other.shape) differ")
    return Tensor(shape: shape) { out in
      withElements { x in other.withElements { y in for i in x.indices { out[i] = f(x[i], y[i]) } } }
    }
  }

  public static func + (a: Tensor, b: Tensor) -> Tensor { a.zip(b) { $0 + $1 } }
  public static func - (a: Tensor, b: Tensor) -> Tensor { a.zip(b) { $0 - $1 } }
  public static func * (a: Tensor, b: Tensor) -> Tensor { a.zip(b) { $0 * $1 } }
  public static func + (a: Tensor, b: Float) -> Tensor { a.map { $0 + b } }
  public static func - (a: Tensor, b: Float) -> Tensor { a.map { $0 - b } }
  public static func * (a: Float, b: Tensor) -> Tensor { b.map { a * $0 } }
  public static func * (a: Tensor, b: Float) -> Tensor { a.map { $0 * b } }
  public static func / (a: Tensor, b: Float) -> Tensor { a.map { $0 / b } }
  public static prefix func - (a: Tensor) -> Tensor { a.map { -$0 } }

  /// Every element limited to `range`.
  public func clamped(to range: ClosedRange<Float>) -> Tensor {
    map { min(max($0, range.lowerBound), range.upperBound) }
  }

  /// e to the power of every element.
  public func exponential() -> Tensor { map { exp($0) } }

  /// Mean of all elements, summed in double precision.
  public var mean: Double { withElements { x in x.reduce(0.0) { $0 + Double($1) } / Double(max(x.count, 1)) } }

  /// Sample standard deviation of all elements (n - 1 in the denominator), in double precision.
  public var standardDeviation: Double {
    let mean = mean
    let squares = withElements { x in x.reduce(0.0) { $0 + (Double($1) - mean) * (Double($1) - mean) } }
    return (squares / Double(max(count - 1, 1))).squareRoot()
  }

  /// Whether no element is infinite or NaN.
  public var isFinite: Bool { withElements { $0.allSatisfy(\.isFinite) } }

  /// max |a - b| / max |b|: how far this is from `reference`. Infinite where either holds a NaN.
  public func distance(to reference: Tensor) -> Float {
    precondition(shape == reference.shape, "shapes \(shape) and \(reference.shape) differ")
    guard isFinite, reference.isFinite else { return .infinity }
    let difference = (self - reference).withElements { $0.reduce(0) { max($0, abs($1)) } }
    let scale = reference.withElements { $0.reduce(0) { max($0, abs($1)) } }
    return scale > 0 ? difference / scale : difference
  }
}
