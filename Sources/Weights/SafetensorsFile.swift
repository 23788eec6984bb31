import Foundation

/// A safetensors file: 8 bytes of header length, a JSON header, the tensors. Everything the header says is checked
/// against the file before anything is read.
public struct SafetensorsFile: Sendable {
  public let file: MappedFile
  public let tensors: [String: WeightTensor]
  public let metadata: [String: String]

  /// As the format's reference reader has it.
  private static let longestHeader = 100_000_000

  /// - Throws: `WeightsError.unreadable`, `.malformed`.
  public init(at path: String) throws(WeightsError) { try self.init(MappedFile(at: path)) }

  public init(_ file: MappedFile) throws(WeightsError) {
    func malformed(_ why: String) -> WeightsError { .malformed(file: file.name, why: why) }
    guard file.bytes.count >= 8 else { throw malformed("shorter than its first field") }
    let length = file.bytes.loadUnaligned(as: UInt64.self).littleEndian
    guard length >= 2, length <= UInt64(Self.longestHeader), length <= UInt64(file.bytes.count - 8) else {
      throw malformed("a header of \(length) bytes in a file of \(file.bytes.count)")
    }
    let header = file.bytes[8..<(8 + Int(length))]
    guard header.first == UInt8(ascii: "{"),
      let object = try? JSONSerialization.jsonObject(with: Data(header)) as? [String: Any]
    else { throw malformed("its header is no JSON object") }
    let start = 8 + Int(length)
    var tensors: [String: WeightTensor] = [:]
    var metadata: [String: String] = [:]
    for (name, value) in object {
      if name == "__metadata__" {
        metadata = (value as? [String: Any] ?? [:]).compactMapValues { $0 as? String }
        continue
      }
      let entry = try Self.entry(name, value, size: file.bytes.count - start, malformed)
      tensors[name] = WeightTensor(
        name: name, type: entry.type, shape: entry.shape, offset: start + entry.range.lowerBound, owner: file)
    }
    try Self.checkLayout(tensors.values, start: start, size: file.bytes.count, malformed)
    (self.file, self.tensors, self.metadata) = (file, tensors, metadata)
  }

  private static func entry(
    _ name: String, _ value: Any, size: Int, _ malformed: (String) -> WeightsError
  ) throws(WeightsError) -> (type: ElementType, shape: [Int], range: Range<Int>) {
    guard let fields = value as? [String: Any], let typeName = fields["dtype"] as? String,
      let shape = naturals(fields["shape"]), let offsets = naturals(fields["data_offsets"]), offsets.count == 2
    else { throw malformed("\(name): dtype, shape or data_offsets missing or of a wrong kind") }
    guard let type = ElementType(rawValue: typeName) else { throw malformed("\(name): unknown type \(typeName)") }
    guard offsets[0] <= offsets[1], offsets[1] <= size else {
      throw malformed("\(name): bytes \(offsets[0])..<\(offsets[1]) of \(size)")
    }
    // An extent of 0 does not make the others any smaller.
    var bytes = type.size
    for extent in shape {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: max(extent, 1))
      guard !overflow else { throw malformed("\(name): shape \(shape) overflows") }
      bytes = product
    }
    if shape.contains(0) { bytes = 0 }
    guard bytes == offsets[1] - offsets[0] else {
      throw malformed("\(name): \(typeName) \(shape) takes \(bytes) bytes, its offsets give \(offsets[1] - offsets[0])")
    }
    return (type, shape, offsets[0]..<offsets[1])
  }

  /// Whole numbers, none negative; nil for anything else (JSON has one kind of number, and booleans look like it).
  private static func naturals(_ value: Any?) -> [Int]? {
    guard let numbers = value as? [NSNumber] else { return nil }
    var result: [Int] = []
    for number in numbers {
      guard let whole = number as? Int, whole >= 0, Double(whole) == number.doubleValue,
        !isBoolean(number)
      else { return nil }
      result.append(whole)
    }
    return result
  }

  private static func isBoolean(_ number: NSNumber) -> Bool {
    String(cString: number.objCType) == "c"
  }

  /// Every byte behind the header belongs to exactly one tensor.
  private static func checkLayout(
    _ tensors: some Collection<WeightTensor>, start: Int, size: Int, _ malformed: (String) -> WeightsError
  ) throws(WeightsError) {
    var end = start
    for tensor in tensors.sorted(by: { ($0.offset, $0.byteCount) < ($1.offset, $1.byteCount) }) {
      guard tensor.offset == end else {
        throw malformed(
          "\(tensor.name) starts at \(tensor.offset - start), the tensor before it ends at \(end - start)")
      }
      end += tensor.byteCount
    }
    guard end == size else { throw malformed("its tensors end at \(end - start) of \(size - start) bytes") }
  }
}
