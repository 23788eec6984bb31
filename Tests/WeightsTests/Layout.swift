import Foundation

/// Names and shapes of public checkpoints (`Tests/Reference/layouts.py`), and files that have them: all zeros, which take
/// no room on the disk.
struct Layout: Decodable {
  struct Part: Decodable {
    var keys, prefix: String
    /// Input channels, where they differ from the list's.
    var inputs: Int?
  }

  /// What a single file holds.
  var file: [Part]
  /// Lists of diffusers' names, by part.
  var folder: [String: String]

  static let folder = Bundle.module.resourcePath! + "/Fixtures/layouts"

  static let all: [String: Layout] = {
    let data = FileManager.default.contents(atPath: "\(folder)/index.json")!
    return try! JSONDecoder().decode([String: Layout].self, from: data)
  }()

  /// A list is front coded: characters shared with the name before, the rest, the shape.
  static func shapes(_ list: String) -> [String: [Int]] {
    let text = String(decoding: FileManager.default.contents(atPath: "\(folder)/\(list).keys")!, as: UTF8.self)
    var before = ""
    return text.split(separator: "\n").reduce(into: [:]) { result, line in
      let fields = line.split(separator: " ")
      before = String(before.prefix(Int(fields[0])!) + fields[1])
      result[before] = fields[2].split(separator: "x").compactMap { Int($0) }
    }
  }

  var fileShapes: [String: [Int]] {
    file.reduce(into: [:]) { result, part in
      for (name, shape) in Self.shapes(part.keys) { result[part.prefix + name] = shape }
      if let inputs = part.inputs { result[part.prefix + "input_blocks.0.0.weight"]?[1] = inputs }
    }
  }

  /// Writes a safetensors file of f16 zeros, sparse.
  static func write(_ shapes: [String: [Int]], to path: String, metadata: [String: String] = [:]) throws {
    var header: [String: Any] = metadata.isEmpty ? [:] : ["__metadata__": metadata]
    var end = 0
    for (name, shape) in shapes.sorted(by: { $0.key < $1.key }) {
      let size = 2 * shape.reduce(1, *)
      header[name] = ["dtype": "F16", "shape": shape, "data_offsets": [end, end + size]] as [String: Any]
      end += size
    }
    let json = try JSONSerialization.data(withJSONObject: header)
    var data = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) }
    data += json
    try data.write(to: URL(fileURLWithPath: path))
    truncate(path, data.count + end)
  }

  /// A file of that layout in a folder of its own, which is removed behind `body`.
  static func with<R>(
    _ shapes: [String: [Int]], metadata: [String: String] = [:], name: String = "model.safetensors",
    beside: [String: String] = [:], _ body: (String) throws -> R
  ) throws -> R {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ldm-layout-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, text) in beside { try Data(text.utf8).write(to: folder.appendingPathComponent(name)) }
    let path = folder.appendingPathComponent(name).path
    try write(shapes, to: path, metadata: metadata)
    return try body(path)
  }
}
