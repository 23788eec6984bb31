/// What the few allowed names make of their arguments.
extension PickleReader {
  mutating func call(_ callee: PickleValue, _ arguments: [PickleValue]) throws(WeightsError) -> PickleValue {
    guard case .global(let global) = callee else { throw refused("a call of what is no name") }
    switch global {
    case .orderedDict, .dictionary:
      let pairs = try items(arguments)
      try account(for: pairs.count * MemoryLayout<(PickleValue, PickleValue)>.stride)
      return make(.dictionary(pairs))
    case .list: return make(.list(try elements(arguments)))
    case .tuple: return make(.tuple(try elements(arguments)))
    case .rebuildTensor: return try tensor(arguments, type: nil)
    case .rebuildTensorV3:
      guard arguments.count > 6, case .global(.type(let type)) = arguments[6] else { throw damaged }
      return try tensor(arguments, type: type)
    case .rebuildParameter:
      guard let first = arguments.first else { throw damaged }
      return first
    case .encode:
      // How protocol 2 writes bytes: their Latin-1 text.
      guard arguments.count == 2, let text = arguments[0].string, arguments[1].string == "latin1" else { throw damaged }
      try account(for: text.utf8.count)
      return .bytes(text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) })
    case .inert(let name): return make(.inert(name: name, state: make(.tuple(arguments))))
    case .storage, .untypedStorage, .type: throw refused("a call of a storage's class")
    }
  }

  /// The pairs of `dict([(k, v), ...])`, or none.
  private func items(_ arguments: [PickleValue]) throws(WeightsError) -> [(key: PickleValue, value: PickleValue)] {
    var result: [(key: PickleValue, value: PickleValue)] = []
    for element in try elements(arguments) {
      guard case .node(let node) = element else { throw damaged }
      switch nodes[node] {
      case .tuple(let pair) where pair.count == 2: result.append((pair[0], pair[1]))
      case .list(let pair) where pair.count == 2: result.append((pair[0], pair[1]))
      default: throw damaged
      }
    }
    return result
  }

  private func elements(_ arguments: [PickleValue]) throws(WeightsError) -> [PickleValue] {
    guard let first = arguments.first else { return [] }
    guard arguments.count == 1, case .node(let node) = first else { throw damaged }
    switch nodes[node] {
    case .list(let values), .tuple(let values): return values
    default: throw damaged
    }
  }

  /// `("storage", class, key, location, elements, ...)`.
  mutating func storage(_ id: [PickleValue]) throws(WeightsError) -> PickleValue {
    guard id.count >= 5, id[0].string == "storage", case .global(let global) = id[1], let key = id[2].string,
      let count = id[4].integer, count >= 0
    else { throw damaged }
    if id.count > 5, case .node = id[5] { throw refused("a storage that is a view of another") }
    switch global {
    case .storage(let type): return make(.storage(PickleStorage(type: type, key: key, count: count)))
    case .untypedStorage: return make(.storage(PickleStorage(type: .u8, key: key, count: count)))
    default: throw damaged
    }
  }

  /// `(storage, offset, size, stride, ...)`, checked against the storage.
  private mutating func tensor(_ arguments: [PickleValue], type: ElementType?) throws(WeightsError) -> PickleValue {
    guard arguments.count >= 4, case .node(let node) = arguments[0], case .storage(var storage) = nodes[node],
      let offset = arguments[1].integer
    else { throw damaged }
    let (shape, strides) = (try extents(arguments[2]), try extents(arguments[3]))
    if let type {
      guard storage.count % type.size == 0 || storage.type != .u8 else { throw damaged }
      if storage.type == .u8 { storage.count /= type.size }
      storage.type = type
    }
    guard offset >= 0, shape.count == strides.count, shape.count <= 8,
      Self.reach(shape, strides, from: offset, of: storage.count) <= storage.count
    else { throw refused("a tensor \(shape) that reaches outside of its storage") }
    return make(.tensor(PickleTensor(storage: storage, offset: offset, shape: shape, strides: strides)))
  }

  private func extents(_ value: PickleValue) throws(WeightsError) -> [Int] {
    var values: [PickleValue]
    if case .node(let node) = value, case .inert("torch.Size", let state) = nodes[node] {
      values = try elements(try tuple(state))
    } else {
      values = try tuple(value)
    }
    let numbers = values.compactMap(\.integer)
    guard numbers.count == values.count, numbers.allSatisfy({ $0 >= 0 }) else { throw damaged }
    return numbers
  }

  /// One more than the last element that such a view reads; where an extent is 0, its offset. `Int.max` where that is no
  /// number, or where the view has many more elements than its storage: they would be gathered.
  private static func reach(_ shape: [Int], _ strides: [Int], from offset: Int, of elements: Int) -> Int {
    var (last, count) = (offset, 1)
    for (extent, stride) in zip(shape, strides) {
      let (way, tooFar) = max(extent - 1, 0).multipliedReportingOverflow(by: stride)
      let (sum, tooMuch) = last.addingReportingOverflow(way)
      let (product, tooMany) = count.multipliedReportingOverflow(by: max(extent, 1))
      guard !tooFar, !tooMuch, !tooMany, product <= max(elements, 1 << 20) else { return .max }
      (last, count) = (sum, product)
    }
    return shape.contains(0) ? offset : last == .max ? .max : last + 1
  }
}
