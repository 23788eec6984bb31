import CKernels
import Synchronization
import Tensors

/// A weight in the layout that a kernel reads: in memory of the process's own, or where it lies in a mapped cache.
final class PackedMemory: Sendable {
  private enum Place {
    case own(Block)
    /// In the cache, and not looked at yet.
    case cached(Pack, Pack.Entry)
    case mapped(UnsafeRawPointer, bytes: Int, Pack)
  }

  private let place: Mutex<Place>
  /// Packs it once more, from the source.
  private let repack: @Sendable () -> Block

  /// Packs `weight` now.
  init(_ weight: Tensor, _ layout: PackLayout) {
    place = Mutex(.own(Block(weight, layout)))
    repack = { preconditionFailure("memory of one's own is not packed again") }
  }

  init(_ entry: Pack.Entry, in pack: Pack, repack: @escaping @Sendable () -> Block) {
    place = Mutex(.cached(pack, entry))
    self.repack = repack
  }

  /// Where it starts. The first call on a cached weight compares its checksum, by the kernels' thread team; one that was
  /// damaged is packed anew from the source.
  var base: UnsafeRawPointer {
    place.withLock { place in
      switch place {
      case .own(let block): return UnsafeRawPointer(block.base)
      case .mapped(let base, let bytes, let pack):
        pack.cache.memory?.makeRoom(for: bytes)
        return base
      case .cached(let pack, let entry):
        pack.cache.memory?.makeRoom(for: entry.bytes)
        if let base = pack.verified(entry) {
          place = .mapped(base, bytes: entry.bytes, pack)
          return base
        }
        let block = repack()
        place = .own(block)
        return UnsafeRawPointer(block.base)
      }
    }
  }

  /// Memory from the kernels' allocator.
  final class Block: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    private let size: Int

    /// What was asked for.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: size) }

    init(bytes: Int, writing: (UnsafeMutableRawPointer) -> Void) {
      size = bytes
      guard let base = ldm_allocate(max(bytes, 64), true) else {
        preconditionFailure("no memory for \(bytes) bytes of weights")
      }
      self.base = base
      writing(base)
    }

    convenience init(_ weight: Tensor, _ layout: PackLayout) {
      self.init(bytes: layout.bytes) { layout.write($0, weight) }
    }

    deinit { ldm_release(base, max(size, 64)) }
  }
}

extension Tensor {
  /// Where the elements start. The tensor must be kept alive by the caller (`withExtendedLifetime`).
  func withBase<R>(_ body: (UnsafePointer<Float>) throws -> R) rethrows -> R {
    try withElements { try body($0.baseAddress!) }
  }
}
