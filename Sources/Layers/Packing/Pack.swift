import CKernels
import Synchronization
import Weights

/// The packed weights of one part of a model: what a file in the cache holds is mapped; what it lacks is packed now, and
/// written into a new file that takes its place.
final class Pack: Sendable {
  struct Entry: Sendable {
    let offset, bytes: Int
    let checksum: UInt64
  }

  private struct State {
    var file: PackFile?
    var writer: PackWriter?
    /// Nothing more is written: the disk is full, or the folder is not ours.
    var isLost = false
  }

  private let key: String
  private let path: String
  let cache: PackCache
  private let state: Mutex<State>

  init(key: String, at path: String, of cache: PackCache) {
    (self.key, self.path, self.cache) = (key, path, cache)
    let file = PackFile(at: path, key: key)
    if file != nil { cache.touch(path) }
    state = Mutex(State(file: file))
  }

  /// `weight` in `layout`: from the file where it is there, else packed.
  ///
  /// - Throws: `WeightsError` for adapters that do not fit; nothing because of the cache.
  func memory(_ weight: PendingTensor, _ layout: PackLayout) throws -> PackedMemory {
    let name = "\(layout.name) \(weight.name)"
    let repack: @Sendable () -> PackedMemory.Block = { [cache] in
      cache.tally.packed()
      // What could be read when the file was made can be read now.
      guard let values = try? weight.values() else { preconditionFailure("\(weight.name) cannot be read again") }
      return PackedMemory.Block(values, layout)
    }
    if let entry = state.withLock({ $0.file?.entries[name] }), entry.bytes == layout.bytes {
      cache.tally.found()
      return PackedMemory(entry, in: self, repack: repack)
    }
    cache.tally.packed()
    let values = try weight.values()
    let entry = state.withLock { state -> Entry? in
      guard openWriter(&state) else { return nil }
      return write(values, layout, named: name, &state)
    }
    return entry.map { PackedMemory($0, in: self, repack: repack) } ?? PackedMemory(values, layout)
  }

  private func openWriter(_ state: inout State) -> Bool {
    if state.writer != nil { return true }
    if state.isLost { return false }
    do { state.writer = try PackWriter(in: cache.folder, after: state.file, limit: cache.limit) } catch {
      lose(&state, error)
    }
    return state.writer != nil
  }

  private func write(_ values: Tensor, _ layout: PackLayout, named name: String, _ state: inout State) -> Entry? {
    do {
      // Its memory is given back as soon as it is written.
      return try state.writer!.append(PackedMemory.Block(values, layout), named: name)
    } catch {
      lose(&state, error)
      return nil
    }
  }

  private func lose(_ state: inout State, _ error: any Error) {
    state.writer = nil
    state.isLost = true
    cache.tally.lost()
    cache.tally.tell("packed weights are not kept in \(cache.folder): \(cache.words(error))")
  }

  /// Called when the part is made: what was packed for it becomes the file.
  func finish() {
    state.withLock { state in
      guard state.writer != nil else { return }
      do {
        state.file = try state.writer!.finish(as: path, key: key)
        cache.tally.wrote(bytes: state.writer!.bytes)
        state.writer = nil
        cache.evict(but: path)
      } catch { lose(&state, error) }
    }
  }

  func rest() {
    state.withLock { state in
      guard let map = state.file?.map else { return }
      map.release(0..<map.bytes.count)
    }
  }

  /// Where `entry` lies, once its checksum was seen to be right. nil where it is damaged, or was never kept.
  func verified(_ entry: Entry) -> UnsafeRawPointer? {
    state.withLock { state in
      // A file that could not be added to lacks what it was to get.
      guard let file = state.file, entry.offset + entry.bytes <= file.end else { return nil }
      let base = file.map.bytes.baseAddress! + entry.offset
      if ldm_checksum(base, entry.bytes) == entry.checksum { return base }
      // The next process makes it anew.
      cache.remove(path)
      cache.tally.tell("\(path) is damaged: packed anew")
      return nil
    }
  }
}
