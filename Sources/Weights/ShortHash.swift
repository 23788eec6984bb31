import CCrypto

/// Names of files by their content, as AUTOMATIC1111's recipes and model sites have them: the first 12 digits of a SHA-256.
public enum ShortHash {
  /// Of a LoRA: what its trainer wrote down (`sshs_model_hash`); else of a safetensors file what stands behind its header, of
  /// another file all.
  ///
  /// - Throws: `WeightsError.unreadable`, `.malformed`.
  public static func ofLoRA(at path: String) throws(WeightsError) -> String {
    let file = try MappedFile(at: path)
    guard let tensors = try? SafetensorsFile(file) else { return digits(of: file, from: 0) }
    if let known = tensors.metadata["sshs_model_hash"], known.count >= 12, known.allSatisfy(\.isHexDigit) {
      return String(known.prefix(12))
    }
    return digits(of: file, from: 8 + Int(file.bytes.loadUnaligned(as: UInt64.self).littleEndian))
  }

  /// Of a whole file.
  ///
  /// - Throws: `WeightsError.unreadable`.
  public static func ofFile(at path: String) throws(WeightsError) -> String {
    digits(of: try MappedFile(at: path), from: 0)
  }

  private static func digits(of file: MappedFile, from start: Int) -> String {
    var digest: [UInt8] = Array(repeating: 0, count: 32)
    let isDone = ldm_sha256(&digest, file.bytes.baseAddress! + start, file.bytes.count - start)
    precondition(isDone, "libcrypto has no SHA-256")
    return digest.prefix(6).map { byte in [byte >> 4, byte & 15].map { String($0, radix: 16) }.joined() }.joined()
  }
}
