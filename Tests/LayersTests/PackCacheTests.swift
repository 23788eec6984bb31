import Foundation
import Layers
import Testing

@Suite struct PackCacheTests {
  @Test func keptWeightsGiveTheSameNumbers() throws {
    try Shelf.with { shelf in
      let plain = try shelf.output(nil)
      let first = shelf.cache()
      #expect(try shelf.output(first) == plain)
      #expect(first.packed == 4 && first.found == 0 && first.written > 0)
      // The packing path is not entered again, and nothing is written.
      let second = shelf.cache()
      #expect(try shelf.output(second) == plain)
      #expect(second.packed == 0 && second.found == 4 && second.written == 0 && second.details.isEmpty)
      #expect(shelf.packs.count == 1)
    }
  }

  /// Wherever a byte is wrong, and wherever the file ends too early, the numbers are right, and the next process finds all.
  @Test func damageIsFoundAndMended() throws {
    try Shelf.with { shelf in
      let plain = try shelf.output(shelf.cache())
      let path = try #require(shelf.packs.first)
      let whole = try Data(contentsOf: path)
      for place in stride(from: 0, to: whole.count, by: 997) {
        var bad = whole
        bad[place] ^= 0x10
        try shelf.damage(path, bad)
        let cache = shelf.cache()
        #expect(try shelf.output(cache) == plain, "byte \(place)")
        // The rest of the header's page is not read, nor is what lies between two entries.
        if place < 48 { #expect(cache.packed == 4) }
        let after = shelf.cache()
        #expect(try shelf.output(after) == plain)
        let last = shelf.cache()
        #expect(try shelf.output(last) == plain && last.packed == 0, "byte \(place)")
      }
      for length in [0, 1, 47, 4095, 4096, whole.count / 2, whole.count - 1] {
        try shelf.damage(path, whole.prefix(length))
        let cache = shelf.cache()
        #expect(try shelf.output(cache) == plain && cache.packed == 4, "\(length) bytes")
      }
      try shelf.damage(path, whole + [0])
      #expect(try shelf.output(shelf.cache()) == plain)
    }
  }

  @Test func everyByteOfAnEntryCounts() throws {
    try Shelf.with { shelf in
      _ = try shelf.output(shelf.cache())
      let path = try #require(shelf.packs.first)
      let whole = try Data(contentsOf: path)
      // The first entry stands at the second page.
      for place in [4096, 4097, 4500, 5000] {
        var bad = whole
        bad[place] ^= 1
        try shelf.damage(path, bad)
        let cache = shelf.cache()
        _ = try shelf.output(cache)
        #expect(cache.found == 4 && cache.packed == 1 && cache.details.count == 1)
      }
    }
  }

  @Test func manyMayWriteAtOnce() throws {
    try Shelf.with { shelf in
      let plain = try shelf.output(nil)
      let results = Results()
      DispatchQueue.concurrentPerform(iterations: 4) { _ in
        results.add((try? shelf.output(shelf.cache())) ?? [])
      }
      #expect(results.all.count == 4 && results.all.allSatisfy { $0 == plain })
      let after = shelf.cache()
      #expect(try shelf.output(after) == plain && after.packed == 0)
      #expect(try FileManager.default.contentsOfDirectory(atPath: shelf.folder.path + "/cache").count == 1)
    }
  }

  @Test func aCacheThatCannotBeWrittenIsNone() throws {
    try Shelf.with { shelf in
      let plain = try shelf.output(nil)
      for cache in [PackCache(folder: "/dev/null/ldm", limit: 1 << 30, smallest: 0), shelf.cache(limit: 9000)] {
        #expect(try shelf.output(cache) == plain)
        #expect(cache.isLost && cache.details.count == 1 && cache.written == 0)
      }
      #expect(shelf.packs.isEmpty)
    }
  }

  @Test func otherPrecisionsAndOtherWeightsAreOtherFiles() throws {
    try Shelf.with { shelf in
      _ = try shelf.output(shelf.cache())
      let half = shelf.cache()
      _ = try shelf.output(half, .bf16)
      #expect(half.found == 0 && shelf.packs.count == 2)
      // As large, changed at the same time: told by its values.
      let path = shelf.folder.path + "/model.safetensors"
      var status = stat()
      stat(path, &status)
      try shelf.write(seed: 100)
      utimensat(AT_FDCWD, path, [status.st_atim, status.st_mtim], 0)
      let other = shelf.cache()
      #expect(try shelf.output(other) == shelf.output(nil))
      #expect(other.found == 0 && shelf.packs.count == 3)
    }
  }

  @Test func aMovedModelIsTheSame() throws {
    try Shelf.with { shelf in
      _ = try shelf.output(shelf.cache())
      let path = shelf.folder.path + "/model.safetensors"
      try FileManager.default.moveItem(atPath: path, toPath: path + ".old")
      try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: path + ".old")
      let cache = shelf.cache()
      _ = try shelf.output(cache)
      #expect(cache.packed == 0)
    }
  }

  /// Layers that a LoRA leaves alone are shared with the model as it is.
  @Test func adaptersKeepWhatTheyChange() throws {
    try Shelf.with { shelf in
      let plain = try shelf.output(shelf.cache())
      let one = shelf.cache()
      let adapted = try shelf.output(one, strength: 1)
      #expect(try adapted == shelf.output(nil, strength: 1) && adapted != plain)
      #expect(one.packed == 1 && one.found == 3)
      let again = shelf.cache()
      #expect(try shelf.output(again, strength: 1) == adapted && again.packed == 0)
      let weaker = shelf.cache()
      #expect(try shelf.output(weaker, strength: 0.5) == shelf.output(nil, strength: 0.5) && weaker.packed == 1)
      #expect(shelf.packs.count == 3)
      let without = shelf.cache()
      #expect(try shelf.output(without) == plain && without.packed == 0)
    }
  }

  /// Where the first run had a LoRA, its file lacks a layer; the next one adds it.
  @Test func whatAFileLacksIsAdded() throws {
    try Shelf.with { shelf in
      _ = try shelf.output(shelf.cache(), strength: 1)
      let plain = try shelf.output(nil)
      let next = shelf.cache()
      #expect(try shelf.output(next) == plain && next.packed == 1 && next.found == 3)
      let last = shelf.cache()
      #expect(try shelf.output(last) == plain && last.packed == 0)
      #expect(shelf.packs.count == 2)
    }
  }

  @Test func theLeastRecentlyUsedMakesWay() throws {
    try Shelf.with { shelf in
      func grow(_ strength: Double, limit: Int = 1 << 30) throws {
        _ = try shelf.output(shelf.cache(limit: limit), strength: strength)
        // Times of files tick slowly.
        Thread.sleep(forTimeInterval: 0.05)
      }
      for strength in [1.0, 2, 3] { try grow(strength) }
      let before = Set(shelf.packs)
      #expect(before.count == 4)
      try grow(1)
      let sizes = before.map { shelf.bytes($0) }
      // Room for all but one file: 2 was used before 3 and 1.
      try grow(4, limit: sizes.reduce(0, +))
      #expect(shelf.packs.count == 4)
      for (strength, packed) in [(1.0, 0), (3, 0), (4, 0), (2, 1)] {
        let cache = shelf.cache()
        _ = try shelf.output(cache, strength: strength)
        #expect(cache.packed == packed, "strength \(strength)")
      }
    }
  }

  /// Weights leave before each layer that would not fit beside them, and come back as they were.
  @Test func aLimitOfMemoryIsKeptBeforeEachLayer() throws {
    try Shelf.with { shelf in
      let plain = try shelf.output(nil)
      let (tight, wide) = (shelf.cache(memory: 1), shelf.cache(memory: 1 << 50))
      #expect(try shelf.output(tight) == plain && shelf.output(wide) == plain)
      #if os(Linux)
        #expect(tight.departures == 8)
      #endif
      #expect(wide.departures == 0)
    }
  }

  @Test func smallPartsAreNotKept() throws {
    try Shelf.with { shelf in
      let cache = PackCache(folder: shelf.folder.path + "/cache", limit: 1 << 30)
      _ = try shelf.output(cache)
      #expect(cache.packed == 0 && cache.written == 0 && shelf.packs.isEmpty)
    }
  }

  private final class Results: @unchecked Sendable {
    private let lock = NSLock()
    private(set) var all: [[Float]] = []
    func add(_ one: [Float]) { lock.withLock { all.append(one) } }
  }
}
