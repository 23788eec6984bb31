import Foundation

/// A PyTorch checkpoint: a pickle of names, and storages beside it; zip files (since PyTorch 1.6) and the older stream.
/// Nothing in it is executed; tensors stay in the file's mapping.
struct TorchFile {
  let tensors: [String: WeightTensor]
  /// Whole numbers beside the weights: `global_step`, `epoch`.
  let numbers: [String: Int]

  /// - Throws: `WeightsError.refused`, `.malformed`.
  init(zip file: MappedFile) throws(WeightsError) {
    func malformed(_ why: String) -> WeightsError { .malformed(file: file.name, why: why) }
    let archive = try ZipArchive(file)
    let pickles = archive.entries.keys.filter { $0.hasSuffix("/data.pkl") && $0.split(separator: "/").count == 2 }
    guard pickles.count == 1, let pickle = pickles.first else {
      let what = archive.entries.keys.sorted().first ?? "nothing"
      throw malformed("a zip archive with \(what), not a PyTorch checkpoint: no data.pkl in it")
    }
    let folder = pickle.dropLast("data.pkl".count)
    guard !archive.entries.keys.contains("\(folder)constants.pkl") else {
      throw .refused(file: file.name, what: "TorchScript, a program with weights")
    }
    if let range = archive.entries["\(folder)byteorder"], file.bytes[range].elementsEqual("big".utf8) {
      throw malformed("written on a big-endian machine")
    }
    var reader = PickleReader(file, archive.entries[pickle]!)
    let root = try reader.read()
    let content = try TorchContent(reader, root, file) { storage in archive.entries["\(folder)data/\(storage.key)"] }
    (tensors, numbers) = (content.tensors, content.numbers)
  }

  /// 0x1950a86a20f9469cfc6c: the number with which the older stream begins, after its protocol.
  static let magic: [UInt8] = [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]

  /// Five pickles (magic number, version, machine, object, keys of the storages), then each storage: its length, its bytes.
  init(legacy file: MappedFile) throws(WeightsError) {
    let bytes = Bytes(file: file)
    var place = 0
    func next() throws(WeightsError) -> (PickleReader, PickleValue) {
      var reader = PickleReader(file, place..<file.bytes.count)
      let value = try reader.read()
      place = reader.place
      return (reader, value)
    }
    _ = try next()
    guard try next().1.integer == 1001 else { throw bytes.malformed("an unknown version of PyTorch's older format") }
    let (machine, facts) = try next()
    if case .bool(false) = machine.entry("little_endian", of: facts) {
      throw bytes.malformed("written on a big-endian machine")
    }
    let (reader, root) = try next()
    let (keyReader, keys) = try next()
    var sizes: [String: Int] = [:]
    for case .storage(let storage) in reader.nodes { sizes[storage.key] = storage.type.size }
    var ranges: [String: Range<Int>] = [:]
    for key in keyReader.elements(of: keys) {
      guard let key = key.string, let size = sizes[key] else { throw bytes.malformed("a storage that nothing uses") }
      let count = try bytes.int64(place)
      place += 8
      let (length, overflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow, length <= bytes.count - place else {
        throw bytes.malformed("a storage behind the end: cut short")
      }
      ranges[key] = place..<(place + length)
      place += length
    }
    let content = try TorchContent(reader, root, file) { ranges[$0.key] }
    (tensors, numbers) = (content.tensors, content.numbers)
  }
}

/// The tensors that a pickle's object holds, by name.
private struct TorchContent {
  var tensors: [String: WeightTensor] = [:]
  var numbers: [String: Int] = [:]

  /// Keys under which trainers put the weights, first those that inference wants.
  private static let wrappers = ["state_dict", "model_state_dict", "params_ema", "params", "model", "module"]

  init(
    _ reader: PickleReader, _ root: PickleValue, _ file: MappedFile, storage: (PickleStorage) -> Range<Int>?
  ) throws(WeightsError) {
    for (key, value) in reader.pairs(of: root) {
      if let name = key.string, let number = value.integer { numbers[name] = number }
    }
    let inner = Self.wrappers.lazy.compactMap { reader.entry($0, of: root) }.first { !reader.pairs(of: $0).isEmpty }
    // Breadth first, each container once: an object that holds itself ends, one that fans out costs what it holds.
    var waiting: [(prefix: String, value: PickleValue)] = [("", inner ?? root)]
    var seen = Set<Int>()
    while let (prefix, value) = waiting.popLast() {
      guard case .node(let node) = value, seen.insert(node).inserted else { continue }
      for (key, value) in reader.pairs(of: value) {
        guard let key = key.string ?? key.integer.map(String.init), case .node(let child) = value else { continue }
        let name = prefix + key
        guard name.utf8.count <= 1024 else { throw reader.refused("names nested to more than 1024 bytes") }
        if case .tensor(let tensor) = reader.nodes[child] {
          tensors[name] = try Self.mapped(name, tensor, storage(tensor.storage), file)
        } else {
          waiting.append((name + ".", value))
        }
      }
    }
    guard !tensors.isEmpty else { throw .malformed(file: file.name, why: "a pickle without tensors") }
  }

  private static func mapped(
    _ name: String, _ tensor: PickleTensor, _ range: Range<Int>?, _ file: MappedFile
  ) throws(WeightsError) -> WeightTensor {
    let size = tensor.storage.type.size
    guard let range, tensor.storage.count <= range.count / size else {
      throw .malformed(file: file.name, why: "\(name): its storage \(tensor.storage.key) is missing or too short")
    }
    return WeightTensor(
      name: name, type: tensor.storage.type, shape: tensor.shape, strides: tensor.strides,
      offset: range.lowerBound + tensor.offset * size, owner: file)
  }
}

extension PickleReader {
  /// A dictionary's pairs; an inert object's attributes; else none.
  func pairs(of value: PickleValue) -> [(key: PickleValue, value: PickleValue)] {
    guard case .node(let node) = value else { return [] }
    switch nodes[node] {
    case .dictionary(let pairs): return pairs
    case .inert(_, .node(let state)): if case .dictionary(let pairs) = nodes[state] { return pairs }
    default: break
    }
    return []
  }

  /// The last value under `key`, as in a Python dictionary.
  func entry(_ key: String, of value: PickleValue) -> PickleValue? {
    pairs(of: value).last { $0.key.string == key }?.value
  }

  func elements(of value: PickleValue) -> [PickleValue] {
    guard case .node(let node) = value, case .list(let values) = nodes[node] else { return [] }
    return values
  }
}
