import Tensors

/// The same bytes read as other tensors.
extension WeightTensor {
  /// The same values under another name and shape of as many elements.
  func renamed(_ name: String, shape: [Int]? = nil) -> WeightTensor {
    let shape = shape ?? self.shape
    precondition(shape.reduce(1, *) == count, "\(self.name): \(self.shape) as \(shape)")
    return WeightTensor(
      name: name, type: type, shape: shape, strides: strides, extents: strides == nil ? nil : extents, offset: offset,
      owner: owner, scale: scale)
  }

  /// The same with strides that go by its shape: copied where they do not.
  private var unfolded: WeightTensor {
    guard strides != nil, extents != shape else { return self }
    let copy = withBytes { MappedFile(name: owner.name, contents: Array($0)) }
    return WeightTensor(name: name, type: type, shape: shape, offset: 0, owner: copy, scale: scale)
  }

  /// Rows `range` of the first axis: a view.
  func rows(_ range: Range<Int>, named name: String) -> WeightTensor {
    precondition(!shape.isEmpty && range.lowerBound >= 0 && range.upperBound <= shape[0], "rows outside \(shape)")
    let whole = unfolded
    let row = whole.strides?[0] ?? shape.dropFirst().reduce(1, *)
    return WeightTensor(
      name: name, type: type, shape: [range.count] + shape.dropFirst(), strides: whole.strides,
      offset: whole.offset + range.lowerBound * row * type.size, owner: whole.owner,
      scale: scale?.rows(range, named: name))
  }

  /// One third of each head's rows, as a matrix: a view.
  func headThirds(heads: Int, third: Int, named name: String) -> WeightTensor {
    let (whole, rows) = (unfolded, shape[0] / (3 * heads))
    let row = whole.strides?[0] ?? shape.dropFirst().reduce(1, *)
    let rest = whole.strides.map { Array($0.dropFirst()) } ?? Self.dense(Array(shape.dropFirst()))
    let columns = shape.dropFirst().reduce(1, *)
    return WeightTensor(
      name: name, type: type, shape: shape.count == 1 ? [heads * rows] : [heads * rows, columns],
      strides: [3 * rows * row, row] + rest, extents: [heads, rows] + shape.dropFirst(),
      offset: whole.offset + third * rows * row * type.size, owner: whole.owner,
      scale: scale?.headThirds(heads: heads, third: third, named: name))
  }

  private static func dense(_ shape: [Int]) -> [Int] {
    shape.indices.map { shape[($0 + 1)...].reduce(1, *) }
  }

  /// A matrix with its axes exchanged: a view. Rows that become columns cannot keep their scales: such integers become f32.
  func transposed(named name: String) -> WeightTensor {
    precondition(shape.count == 2, "\(self.name) \(shape) is no matrix")
    guard scale == nil else { return holding(tensor()).transposed(named: name) }
    let whole = unfolded
    let strides = whole.strides ?? [shape[1], 1]
    return WeightTensor(
      name: name, type: type, shape: shape.reversed(), strides: strides.reversed(), offset: whole.offset,
      owner: whole.owner)
  }

  /// 8-bit integers with their scale, a number for each row.
  func scaled(by scale: WeightTensor) -> WeightTensor {
    WeightTensor(
      name: name, type: type, shape: shape, strides: strides, extents: strides == nil ? nil : extents, offset: offset,
      owner: owner, scale: scale)
  }

  /// Other values in its place.
  func holding(_ values: Tensor) -> WeightTensor {
    WeightTensor(
      name: name, type: .f32, shape: shape, offset: 0, owner: MappedFile(name: owner.name, holding: values))
  }
}
