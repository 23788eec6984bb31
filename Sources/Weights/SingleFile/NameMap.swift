/// A correspondence of tensor names between a single file and one of diffusers' parts, usable both ways. Rules map module
/// names; the longest that fits decides, and what stands behind it is carried over.
package struct NameMap {
  /// What happens to the values on the way from the single file.
  package enum Change: Equatable {
    case none
    /// A 1x1 convolution `[c, c, 1, 1]` becomes the matrix `[c, c]`.
    case matrix
    /// So does one in one dimension, `[c, c, 1]`.
    case line
    /// OpenCLIP writes the projection for multiplication from the right.
    case transposed
    /// Queries, keys and values stand as thirds of one tensor.
    case thirds
    /// The same, of 1x1 convolutions in one dimension, interleaved head by head.
    case thirdsByHead(Int)
  }

  struct Rule {
    var single: String
    /// Three names for thirds, else one.
    var folder: [String]
    var change: Change
  }

  /// With which every name in the single file begins.
  let prefix: String
  private var bySingle: [String: Rule] = [:]
  private var byFolder: [String: (rule: Rule, place: Int)] = [:]

  init(_ prefix: String) { self.prefix = prefix }

  mutating func add(_ single: String, _ folder: String, _ change: Change = .none) { add(single, [folder], change) }

  mutating func add(_ single: String, _ folder: [String], _ change: Change) {
    let rule = Rule(single: single, folder: folder, change: change)
    bySingle[single] = rule
    for (place, name) in folder.enumerated() { byFolder[name] = (rule, place) }
  }

  /// Rules of leaf modules that have other names below `single` and `folder`.
  mutating func add(_ single: String, _ folder: String, _ inner: KeyValuePairs<String, String>) {
    for (a, b) in inner { add("\(single).\(a)", "\(folder).\(b)") }
  }

  /// Diffusers' names for a name of the single file, in the order of its thirds; nil where nothing is known of it.
  package func folderNames(_ name: String) -> (names: [String], change: Change)? {
    guard name.hasPrefix(prefix) else { return nil }
    return Self.longest(name) { bySingle[$0] }.map { rule, rest in (rule.folder.map { $0 + rest }, rule.change) }
  }

  /// The name in a single file for a name of diffusers, and which third of it this is.
  package func singleName(_ name: String) -> (name: String, change: Change, place: Int)? {
    Self.longest(name) { byFolder[$0] }.map { found, rest in (found.rule.single + rest, found.rule.change, found.place)
    }
  }

  private static func longest<T>(_ name: String, _ find: (String) -> T?) -> (T, String)? {
    var end = name.endIndex
    while true {
      if let found = find(String(name[..<end])) { return (found, String(name[end...])) }
      guard let dot = name[..<end].lastIndex(of: ".") else { return nil }
      end = dot
    }
  }
}

/// Names and shapes of tensors, with questions that tell what a network looks like.
struct TensorNames {
  let shapes: [String: [Int]]

  init(_ tensors: [String: WeightTensor], below prefix: String = "") {
    shapes = Dictionary(
      uniqueKeysWithValues: tensors.compactMap { name, tensor in
        name.hasPrefix(prefix) ? (String(name.dropFirst(prefix.count)), tensor.shape) : nil
      })
  }

  init(shapes: [String: [Int]]) { self.shapes = shapes }

  subscript(_ name: String) -> [Int]? { shapes[name] }
  func has(_ name: String) -> Bool { shapes[name] != nil }

  /// How many of `name(0)`, `name(1)`, ... are there without a gap.
  func count(_ name: (Int) -> String) -> Int { (0...).first { shapes[name($0)] == nil }! }

  /// One more than the highest number behind `prefix`.
  func numbers(below prefix: String) -> Int {
    shapes.keys.reduce(0) { result, name in
      guard name.hasPrefix(prefix) else { return result }
      return max(result, (Int(name.dropFirst(prefix.count).prefix { $0 != "." }) ?? -1) + 1)
    }
  }
}
