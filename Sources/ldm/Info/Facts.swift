import Foundation
import LatentDiffusion
import Weights

/// What `ldm info` tells of an input, in order.
struct Facts {
  private(set) var fields: [Field] = []

  struct Field {
    let name: String
    let value: JSON

    /// For people: texts as they are, several of them numbered, each on a line of its own.
    var text: String {
      guard case .array(let values) = value, name == "history" else { return value.plainText }
      return values.enumerated().map { "\($0 + 1). \($1.plainText)" }.joined(separator: "\n")
    }
  }

  /// Headers alone: pixels are not looked at.
  private let isQuick: Bool

  private init(isQuick: Bool) { self.isQuick = isQuick }

  /// Tells of an input; of one that holds several pictures, of each of them.
  static func each(
    of source: Source, maximumPixels: Int, isQuick: Bool, _ body: (Facts, Origin) throws -> Void
  ) throws {
    var facts = Facts(isQuick: isQuick)
    if try facts.addModel(of: source) { return try body(facts, Origin(source)) }
    let reader = try PictureReader(
      source, maximumPixels: maximumPixels, expected: "a picture or a file of weights")
    do {
      while let format = try reader.next() {
        let origin = Origin(source, picture: reader.count + 1)
        let bytes = try reader.take(format)
        facts = Facts(isQuick: isQuick)
        facts.addPicture(try ImageHeader(of: bytes), bytes, maximumPixels)
        try body(facts, origin)
      }
    } catch ImageError.unknownFormat where reader.count == 0 {
      try facts.addFile(TensorFile(MappedFile(name: source.description, contents: reader.rest())))
      try body(facts, Origin(source))
    }
  }

  mutating func add(_ name: String, _ value: JSON?) { if let value { fields.append(Field(name: name, value: value)) } }
  mutating func add(_ name: String, _ value: String?) { add(name, value.map(JSON.string)) }
  mutating func add(_ name: String, _ value: Int?) { add(name, value.map(JSON.integer)) }

  /// A folder, or a file of weights, which are mapped and not read. False where a picture or a stream is to be read.
  private mutating func addModel(of source: Source) throws -> Bool {
    guard case .file(let name) = source, let status = name.status, status.isFolder || status.isRegular else {
      return false
    }
    if status.isFolder {
      try addModel(String(decoding: name.bytes, as: UTF8.self))
      return true
    }
    let head = try Streams.head(name)
    guard !head.isEmpty else { throw Failure(.badData, "is empty") }
    guard ImageFormat(magic: head) == nil else { return false }
    if let path = String(validating: name.bytes, as: UTF8.self) {
      try addFile(TensorFile(at: path))
    } else {
      let bytes = try Streams.read(source, limit: .max)
      try addFile(TensorFile(MappedFile(name: "\(name)", contents: bytes)))
    }
    return true
  }

  private mutating func addPicture(_ header: ImageHeader, _ bytes: [UInt8], _ maximumPixels: Int) {
    add("format", header.format.rawValue)
    add("width", header.width)
    add("height", header.height)
    add("depth", header.depth)
    add("alpha", .bool(header.hasAlpha))
    add("icc", (header.metadata.icc?.count).map { "\($0) bytes" })
    add("exif", (header.metadata.exif?.count).map { "\($0) bytes" })
    add("xmp", (header.metadata.xmp?.count).map { "\($0) bytes" })
    add("parameters", Provenance.parameters(in: header.metadata))
    add("digital_source_type", Provenance.source(in: header.metadata))
    let history = Provenance.history(in: header.metadata)
    if !history.isEmpty { add("history", .array(history.map(JSON.string))) }
    if !isQuick { add("watermark", Self.watermark(bytes, header, maximumPixels)) }
    for (key, value) in header.metadata.text.sorted(by: { $0.key < $1.key }) where key != "parameters" {
      add("text.\(key)", value)
    }
  }

  /// Read from the pixels; nil where there is none, or the pixels cannot be read.
  private static func watermark(_ bytes: [UInt8], _ header: ImageHeader, _ maximumPixels: Int) -> String? {
    guard header.width >= 256, header.height >= 256, header.depth == 8,
      let image = try? Image(decoding: bytes, maximumPixels: maximumPixels),
      let (watermark, matches) = Watermark.found(in: image)
    else { return nil }
    return "\(watermark.name), \(matches) of \(watermark.bits.count) bits"
  }

  func json(_ origin: Origin) -> String {
    JSON.object(origin.fields(called: "file") + fields.map { ($0.name, $0.value) }).text
  }

  func lines(_ origin: Origin) -> String {
    let width = (fields.map(\.name.count).max() ?? 0) + 2
    let rows = fields.map { field -> String in
      let text = field.text
      // Further lines of a text stand under its first.
      let indented = text.split(separator: "\n", omittingEmptySubsequences: false)
        .joined(separator: "\n" + String(repeating: " ", count: width + 2))
      return "  " + field.name.padding(toLength: width, withPad: " ", startingAt: 0) + indented
    }
    return ([origin.description] + rows).joined(separator: "\n")
  }
}
