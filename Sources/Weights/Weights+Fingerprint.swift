import CKernels
import Tensors

extension Weights {
  /// 32 hexadecimal digits that say which values these are, found in milliseconds: names, types and shapes, a sample of
  /// every tensor, and size and time of change of the files that hold them.
  ///
  /// Reading all of a checkpoint to hash it would take as long as loading it. Training and merging change nearly every
  /// number, so the samples tell most files apart even where their times agree; whatever is changed elsewhere changes the
  /// file's time. Paths are left out: a model that is moved or linked to stays the same model.
  public var fingerprint: String {
    var told: [UInt8] = []
    func tell(_ text: String) { told += Array(text.utf8) + [0] }
    for (name, tensor) in all.sorted(by: { $0.key < $1.key }) {
      tell("\(name) \(tensor.type.rawValue) \(tensor.shape) \(tensor.owner.bytes.count) \(tensor.owner.changed)")
      tensor.sample { told += $0 }
      tensor.scale?.sample { told += $0 }
    }
    return Self.digest(told)
  }

  /// 128 bits of hash, in hexadecimal.
  package static func digest(_ bytes: [UInt8]) -> String {
    bytes.withUnsafeBytes { bytes in
      [UInt64(0), 1].map { seed in
        let digits = String(ldm_hash(bytes.baseAddress, bytes.count, seed), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
      }.joined()
    }
  }
}

extension WeightTensor {
  /// Bytes at each end and in the middle; all of them where no file tells when they changed.
  fileprivate func sample(_ body: (UnsafeRawBufferPointer) -> Void) {
    let length = 64
    guard strides == nil, owner.changed != 0, byteCount > 3 * length else { return withBytes(body) }
    for start in [0, byteCount / 2, byteCount - length] {
      body(UnsafeRawBufferPointer(rebasing: owner.bytes[(offset + start)..<(offset + start + length)]))
    }
  }
}
