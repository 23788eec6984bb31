import CKernels
import Foundation
import Synchronization
import Weights

/// Packed weights kept in a folder, so that the next process need not pack them again: mapped read-only, they are shared by
/// all processes that run the same model. Nothing depends on them: a cache that cannot be read or written is none.
public final class PackCache: Sendable {
  /// Counted in the names of all keys: to be raised with any change of a layout or of what is written in it.
  private static let version = 4

  public let folder: String
  /// Bytes that all files may have together; the least recently used make way.
  public let limit: Int
  /// Bytes of a part's weights below which packing is quicker than looking.
  private let smallest: Int
  let tally = Tally()
  let memory: MemoryLimit?

  /// - Parameters:
  ///   - folder: made when there is something to write.
  ///   - memory: bytes that the process's memory is to stay below, as far as mapped weights and kept blocks go.
  public init(folder: String, limit: Int, smallest: Int = 64 << 20, memory: Int? = nil) {
    (self.folder, self.limit, self.smallest) = (folder, limit, smallest)
    self.memory = memory.map(MemoryLimit.init)
  }

  /// Bytes that the process's memory is to stay below.
  public var memoryLimit: Int? { memory?.bytes }
  /// How often mapped weights had to leave memory for it.
  public var departures: Int { memory?.departures ?? 0 }

  /// What is kept of `part` of a model; nil for a small one.
  ///
  /// - Parameter policy: the part's own.
  public func packs(of weights: Weights, part: String, _ policy: KernelPolicy) -> PartPacks? {
    guard weights.byteCount >= smallest else { return nil }
    let key = """
      ldm packed weights \(Self.version)
      part \(part)
      weights \(weights.fingerprint)
      products \(policy.isHalf ? "bf16" : "f32"), winograd \(policy.winogradLimit)
      cpu \(String(cString: ldm_cpu_name()))

      """
    return PartPacks(
      plain: pack(part, key), adapted: weights.adaptation.map { pack(part, key + "adapters \($0)\n") })
  }

  private func pack(_ part: String, _ key: String) -> Pack {
    let pack = Pack(key: key, at: "\(folder)/\(part)-\(Weights.digest(Array(key.utf8))).pack", of: self)
    memory?.add(pack)
    return pack
  }

  /// Removes the least recently used files, all but `path`, until the rest is within the limit; and what dead processes left.
  func evict(but path: String) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    var files: [(path: String, used: Int, bytes: Int)] = []
    for name in names {
      var status = stat()
      guard stat("\(folder)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
      #if os(Linux)
        let time = status.st_mtim
      #else
        let time = status.st_mtimespec
      #endif
      let used = time.tv_sec * 1_000_000_000 + time.tv_nsec
      if name.hasSuffix(".pack") { files.append(("\(folder)/\(name)", used, 512 * Int(status.st_blocks))) }
      let age = Int(Date().timeIntervalSince1970) - time.tv_sec
      if name.hasPrefix(TemporaryFile.prefix) && age > 24 * 3600 { unlink("\(folder)/\(name)") }
    }
    var sum = files.reduce(0) { $0 + $1.bytes }
    for file in files.sorted(by: { $0.used < $1.used }) where sum > limit && file.path != path {
      if unlink(file.path) == 0 { sum -= file.bytes }
    }
  }

  /// Marks a file as used now. Times of access would do, where file systems kept them.
  func touch(_ path: String) { utimes(path, nil) }

  func remove(_ path: String) { unlink(path) }

  func words(_ error: any Error) -> String {
    (error as? POSIXError).map { String(cString: strerror($0.code.rawValue)) } ?? error.localizedDescription
  }

  /// Bytes that were written so far.
  public var written: Int { tally.counts.withLock { $0.written } }
  /// Weights that were found in the cache, and such as had to be packed.
  public var found: Int { tally.counts.withLock { $0.found } }
  public var packed: Int { tally.counts.withLock { $0.packed } }
  /// Whether something could not be kept.
  public var isLost: Bool { tally.counts.withLock { $0.isLost } }
  /// What went wrong, for whoever wants to know.
  public var details: [String] { tally.counts.withLock { $0.details } }

  final class Tally: Sendable {
    struct Counts {
      var found = 0
      var packed = 0
      var written = 0
      var isLost = false
      var details: [String] = []
    }

    let counts = Mutex(Counts())

    func found() { counts.withLock { $0.found += 1 } }
    func packed() { counts.withLock { $0.packed += 1 } }
    func wrote(bytes: Int) { counts.withLock { $0.written += bytes } }
    func lost() { counts.withLock { $0.isLost = true } }
    func tell(_ line: String) { counts.withLock { if !$0.details.contains(line) { $0.details.append(line) } } }
  }
}

/// Packs of one part of a model: layers as the checkpoint has them, shared by all that run it; and layers that LoRAs
/// changed, whose file is as small as the LoRA is narrow.
public struct PartPacks: Sendable {
  let plain: Pack
  let adapted: Pack?

  func memory(_ weight: PendingTensor, _ layout: PackLayout) throws -> PackedMemory {
    try (weight.isAdapted ? adapted ?? plain : plain).memory(weight, layout)
  }

  /// Called when the part is made.
  public func finish() {
    plain.finish()
    adapted?.finish()
  }

  /// Called when the part has nothing to do for a while: its weights no longer count as the process's memory. They come
  /// back by themselves, from the system's memory while it has room for them.
  public func rest() {
    plain.rest()
    adapted?.rest()
  }
}
