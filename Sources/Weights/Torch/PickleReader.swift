import Foundation

/// A restricted unpickler: the stack machine of Python's pickle (PEP 307, 574), protocols 2 to 5, in which nothing can be
/// executed. Opcodes and names outside the lists are refused; those inside build values and nothing else.
///
/// Memory is bounded by `mostOpcodes`: each one adds at most a few dozen bytes and the text that stands in the pickle. Calls
/// that make more of their arguments may make `mostBytes` in all.
struct PickleReader {
  /// An SD 1.5 checkpoint takes some 30,000; with an optimiser's state twice as many.
  static let mostOpcodes = 2_000_000
  static let mostBytes = 64 << 20

  private let file: Bytes
  private(set) var place: Int
  private let end: Int
  private var stack: [PickleValue] = []
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]
  private(set) var nodes: [PickleNode] = []
  /// Bytes that calls made of what was there already.
  private var made = 0

  /// - Parameter range: of the file, holds the pickle; what stands behind its end is not looked at.
  init(_ file: MappedFile, _ range: Range<Int>) {
    (self.file, place, end) = (Bytes(file: file), range.lowerBound, range.upperBound)
  }

  /// The one object of the pickle.
  ///
  /// - Throws: `WeightsError.refused` naming the opcode or global; `.malformed` where the machine has no such operand.
  mutating func read() throws(WeightsError) -> PickleValue {
    let start = place
    for _ in 0..<Self.mostOpcodes {
      guard place - start <= Self.mostBytes else { throw refused("a pickle of more than \(Self.mostBytes >> 20) MiB") }
      let code = try byte()
      if code == UInt8(ascii: ".") {
        guard stack.count == 1, marks.isEmpty, let result = stack.first else { throw damaged }
        return result
      }
      try execute(code)
    }
    throw refused("a pickle of more than \(Self.mostOpcodes) operations")
  }

  mutating func account(for bytes: Int) throws(WeightsError) {
    made += bytes
    guard made <= Self.mostBytes else { throw refused("calls that make more than \(Self.mostBytes >> 20) MiB") }
  }

  private mutating func execute(_ code: UInt8) throws(WeightsError) {
    switch code {
    case 0x80:
      let version = try byte()
      guard (2...5).contains(version) else { throw refused("pickle protocol \(version)") }
    case 0x95: _ = try take(8)  // a frame: the bytes in it are read as all others
    case UInt8(ascii: "("): marks.append(stack.count)
    case UInt8(ascii: "0"):
      // At a mark, POP takes the mark.
      if let mark = marks.last, mark == stack.count { marks.removeLast() } else { _ = try pop() }
    case UInt8(ascii: "1"): _ = try popMark()
    case UInt8(ascii: "2"): stack.append(try top())
    case UInt8(ascii: "N"): stack.append(.none)
    case 0x88, 0x89: stack.append(.bool(code == 0x88))
    case UInt8(ascii: "J"): stack.append(.integer(Int(Int32(truncatingIfNeeded: try unsigned(4)))))
    case UInt8(ascii: "K"): stack.append(.integer(try unsigned(1)))
    case UInt8(ascii: "M"): stack.append(.integer(try unsigned(2)))
    case 0x8a: stack.append(try long(unsigned(1)))
    case 0x8b: stack.append(try long(unsigned(4)))
    case UInt8(ascii: "G"): stack.append(.number(Double(bitPattern: try take(8).reduce(0) { $0 << 8 | UInt64($1) })))
    case 0x8c, UInt8(ascii: "U"): stack.append(try text(unsigned(1)))
    case UInt8(ascii: "X"), UInt8(ascii: "T"): stack.append(try text(unsigned(4)))
    case 0x8d: stack.append(try text(unsigned(8)))
    case UInt8(ascii: "C"): stack.append(.bytes(Array(try take(unsigned(1)))))
    case UInt8(ascii: "B"): stack.append(.bytes(Array(try take(unsigned(4)))))
    case 0x8e, 0x96: stack.append(.bytes(Array(try take(unsigned(8)))))
    default: try executeOnContainers(code)
    }
  }

  private mutating func executeOnContainers(_ code: UInt8) throws(WeightsError) {
    switch code {
    case UInt8(ascii: ")"): push(.tuple([]))
    case 0x85, 0x86, 0x87: push(.tuple(try pop(Int(code) - 0x84)))
    case UInt8(ascii: "t"): push(.tuple(try popMark()))
    case UInt8(ascii: "]"), 0x8f: push(.list([]))
    case UInt8(ascii: "l"), 0x91: push(.list(try popMark()))
    case UInt8(ascii: "a"): try append([try pop()])
    case UInt8(ascii: "e"), 0x90: try append(try popMark())
    case UInt8(ascii: "}"): push(.dictionary([]))
    case UInt8(ascii: "d"): push(.dictionary(try pairs(try popMark())))
    case UInt8(ascii: "s"): try set(try pairs(try pop(2)))
    case UInt8(ascii: "u"): try set(try pairs(try popMark()))
    case UInt8(ascii: "h"): try recall(unsigned(1))
    case UInt8(ascii: "j"): try recall(unsigned(4))
    case UInt8(ascii: "q"): memo[try unsigned(1)] = try top()
    case UInt8(ascii: "r"): memo[try unsigned(4)] = try top()
    case 0x94: memo[memo.count] = try top()
    case UInt8(ascii: "c"):
      let module = try line()
      try global(module, line())
    case 0x93:
      let names = try pop(2)
      guard let module = names[0].string, let name = names[1].string else { throw damaged }
      try global(module, name)
    case UInt8(ascii: "R"), 0x81:
      let arguments = try tuple(pop())
      stack.append(try call(pop(), arguments))
    case 0x92:
      let (_, arguments) = (try pop(), try tuple(pop()))
      stack.append(try call(pop(), arguments))
    case UInt8(ascii: "b"): try build()
    case UInt8(ascii: "Q"): stack.append(try storage(tuple(pop())))
    default: throw refused("the pickle opcode \(Self.name(code))")
    }
  }

  // MARK: Operands

  private mutating func take(_ count: Int) throws(WeightsError) -> UnsafeRawBufferPointer.SubSequence {
    guard count <= end - place else { throw file.malformed("a pickle that is cut short") }
    defer { place += count }
    return try file.bytes(place, count)
  }

  private mutating func byte() throws(WeightsError) -> UInt8 { try take(1).first! }

  /// A little-endian number; one that cannot be a length is.
  private mutating func unsigned(_ size: Int) throws(WeightsError) -> Int {
    let value = try take(size).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return Int(clamping: value)
  }

  /// Two's complement, little-endian.
  private mutating func long(_ size: Int) throws(WeightsError) -> PickleValue {
    let bytes = try take(size)
    guard size <= 8 else { return .large(Array(bytes)) }
    let value = bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    let unused = 64 - 8 * size
    return .integer(size == 0 ? 0 : Int(Int64(bitPattern: value << UInt64(unused)) >> Int64(unused)))
  }

  /// What Python 2 wrote as a string may be any bytes.
  private mutating func text(_ count: Int) throws(WeightsError) -> PickleValue {
    let bytes = try take(count)
    return String(validating: bytes, as: UTF8.self).map(PickleValue.string) ?? .bytes(Array(bytes))
  }

  private mutating func line() throws(WeightsError) -> String {
    var bytes: [UInt8] = []
    while true {
      let next = try byte()
      if next == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
      bytes.append(next)
      guard bytes.count <= 512 else { throw refused("a name of more than 512 bytes") }
    }
  }

  // MARK: The stack

  private var floor: Int { marks.last ?? 0 }

  private mutating func pop() throws(WeightsError) -> PickleValue {
    guard stack.count > floor else { throw damaged }
    return stack.removeLast()
  }

  private mutating func pop(_ count: Int) throws(WeightsError) -> [PickleValue] {
    guard stack.count - floor >= count else { throw damaged }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func popMark() throws(WeightsError) -> [PickleValue] {
    guard let mark = marks.popLast(), mark <= stack.count else { throw damaged }
    defer { stack.removeLast(stack.count - mark) }
    return Array(stack[mark...])
  }

  private func top() throws(WeightsError) -> PickleValue {
    guard stack.count > floor, let value = stack.last else { throw damaged }
    return value
  }

  private mutating func push(_ node: PickleNode) { stack.append(make(node)) }

  mutating func make(_ node: PickleNode) -> PickleValue {
    nodes.append(node)
    return .node(nodes.count - 1)
  }

  private mutating func recall(_ index: Int) throws(WeightsError) {
    guard let value = memo[index] else { throw damaged }
    stack.append(value)
  }

  // MARK: Containers

  func tuple(_ value: PickleValue) throws(WeightsError) -> [PickleValue] {
    guard case .node(let node) = value, case .tuple(let values) = nodes[node] else { throw damaged }
    return values
  }

  func pairs(_ values: [PickleValue]) throws(WeightsError) -> [(key: PickleValue, value: PickleValue)] {
    guard values.count % 2 == 0 else { throw damaged }
    return stride(from: 0, to: values.count, by: 2).map { (values[$0], values[$0 + 1]) }
  }

  /// Adds in place: the array must not be copied for each of many additions.
  private mutating func append(_ values: [PickleValue]) throws(WeightsError) {
    guard case .node(let node) = try top() else { throw damaged }
    switch nodes[node] {
    case .list(var list):
      nodes[node] = .list([])
      list += values
      nodes[node] = .list(list)
    case .inert: break
    default: throw damaged
    }
  }

  private mutating func set(_ pairs: [(key: PickleValue, value: PickleValue)]) throws(WeightsError) {
    guard case .node(let node) = try top() else { throw damaged }
    switch nodes[node] {
    case .dictionary(var all):
      nodes[node] = .dictionary([])
      all += pairs
      nodes[node] = .dictionary(all)
    case .inert: break
    default: throw damaged
    }
  }

  private mutating func global(_ module: String, _ name: String) throws(WeightsError) {
    guard let global = PickleGlobal(module: module, name: name) else { throw refused("\(module).\(name)") }
    stack.append(.global(global))
  }

  /// An object's state: kept for inert ones; an OrderedDict's attributes (PyTorch's `_metadata`) are of no use here.
  private mutating func build() throws(WeightsError) {
    let state = try pop()
    guard case .node(let node) = try top() else { throw damaged }
    switch nodes[node] {
    case .inert(let name, _): nodes[node] = .inert(name: name, state: state)
    case .dictionary: break
    default: throw damaged
    }
  }

  // MARK: Errors

  var damaged: WeightsError { file.malformed("a damaged pickle: an operation at byte \(place) lacks its operand") }

  func refused(_ what: String) -> WeightsError { .refused(file: file.file.name, what: what) }

  private static func name(_ code: UInt8) -> String {
    let names: [UInt8: String] = [
      0x69: "INST", 0x6f: "OBJ", 0x50: "PERSID", 0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4", 0x49: "INT", 0x4c: "LONG",
      0x46: "FLOAT", 0x53: "STRING", 0x56: "UNICODE", 0x67: "GET", 0x70: "PUT", 0x97: "NEXT_BUFFER",
      0x98: "READONLY_BUFFER",
    ]
    return names[code] ?? String(format: "0x%02x", code)
  }
}
