import Foundation

/// A file of named tensors of any format that this engine reads, told by its content.
public struct TensorFile: Sendable {
  public enum Format: String, Sendable {
    case safetensors
    case torchZip = "PyTorch zip"
    case torchLegacy = "PyTorch, before 1.6"
  }

  public let path: String
  public let format: Format
  public let tensors: [String: WeightTensor]
  /// What a safetensors header says beside the tensors.
  public let metadata: [String: String]
  /// Whole numbers beside the weights of a PyTorch file: `global_step`, `epoch`.
  public let numbers: [String: Int]
  public let byteCount: Int

  init(
    path: String, format: Format, tensors: [String: WeightTensor], metadata: [String: String], numbers: [String: Int],
    byteCount: Int
  ) {
    (self.path, self.format, self.tensors) = (path, format, tensors)
    (self.metadata, self.numbers, self.byteCount) = (metadata, numbers, byteCount)
  }

  /// - Throws: `WeightsError`; `.foreign` where the content is something else.
  public init(at path: String) throws(WeightsError) { try self.init(MappedFile(at: path)) }

  public init(_ file: MappedFile) throws(WeightsError) {
    (path, byteCount) = (file.name, file.bytes.count)
    switch Self.content(file.bytes) {
    case .format(.safetensors):
      let file = try SafetensorsFile(file)
      (format, tensors, metadata, numbers) = (.safetensors, file.tensors, file.metadata, [:])
    case .format(.torchZip):
      let file = try TorchFile(zip: file)
      (format, tensors, metadata, numbers) = (.torchZip, file.tensors, [:], file.numbers)
    case .format(.torchLegacy):
      let file = try TorchFile(legacy: file)
      (format, tensors, metadata, numbers) = (.torchLegacy, file.tensors, [:], file.numbers)
    case .foreign(let what): throw .foreign(file: file.name, what: what)
    }
  }

  /// Whether the file at `path` begins as one of weights does; false for one that cannot be read.
  public static func isWeights(_ path: String) -> Bool {
    guard let handle = FileHandle(forReadingAtPath: path) else { return false }
    defer { try? handle.close() }
    let head = (try? handle.read(upToCount: 64)) ?? Data()
    guard case .format = head.withUnsafeBytes(content) else { return false }
    return true
  }

  private enum Content {
    case format(Format)
    case foreign(String)
  }

  /// By the first bytes.
  private static func content(_ bytes: UnsafeRawBufferPointer) -> Content {
    func begins(_ text: String) -> Bool { bytes.starts(with: text.utf8) }
    if begins("PK\u{3}\u{4}") || begins("PK\u{5}\u{6}") { return .format(.torchZip) }
    if bytes.count > 14, bytes[0] == 0x80, bytes[2...].starts(with: TorchFile.magic) { return .format(.torchLegacy) }
    if bytes.count > 8, bytes[8] == UInt8(ascii: "{"), bytes.loadUnaligned(as: UInt64.self).littleEndian < 1 << 40 {
      return .format(.safetensors)
    }
    if begins("GGUF") { return .foreign("a GGUF file; give the safetensors it was made from") }
    if begins("version https://git-lfs") { return .foreign("a Git LFS pointer; fetch the file with \"git lfs pull\"") }
    if begins("<") { return .foreign("a web page or XML, not a model; fetch it again") }
    if begins("\u{89}HDF") || bytes.starts(with: [0x89] + Array("HDF".utf8)) {
      return .foreign("an HDF5 file; give safetensors")
    }
    if bytes.count > 2, bytes[0] == 0x80, bytes[1] <= 5 {
      return .foreign("a pickle that PyTorch did not write; give safetensors or a torch.save file")
    }
    return .foreign("neither safetensors nor a PyTorch checkpoint")
  }
}
