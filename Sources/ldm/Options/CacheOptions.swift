import ArgumentParser
import Foundation
import LatentDiffusion

/// Where packed weights are kept, so that the next process starts at once.
struct CacheOptions: ParsableArguments {
  @Flag(help: "Neither reads nor writes the cache of packed weights.")
  var noCache = false

  @Option(
    help: ArgumentHelp(
      """
      What the cache may hold in all; the least recently used makes way. 0 is as --no-cache. As 512M or 2.5G, in powers \
      of 1024. Default: 16G.
      """, valueName: "size"))
  var cacheSize: ByteCount?

  @Option(
    help: ArgumentHelp(
      """
      What the process's memory is to stay below: weights are mapped and leave it while others work, at the cost of time; \
      pictures are coded in smaller parts. Needs the cache. As 2G; 256M at least.
      """, valueName: "size"))
  var maxMemory: ByteCount?

  func validate() throws {
    guard let maxMemory else { return }
    guard maxMemory.bytes >= 256 << 20 else { throw ValidationError("--max-memory must be at least 256M") }
    guard cache() != nil else {
      throw ValidationError(
        "--max-memory maps weights from the cache: leave out --no-cache, and set HOME or XDG_CACHE_HOME")
    }
  }

  /// nil where nothing is to be kept, or there is no place for it.
  func cache(environment: [String: String] = ProcessInfo.processInfo.environment) -> PackCache? {
    let size = cacheSize?.bytes ?? 16 << 30
    guard !noCache, size > 0, let folder = Self.folder(environment) else { return nil }
    return PackCache(folder: folder, limit: size, memory: maxMemory?.bytes)
  }

  /// `$XDG_CACHE_HOME/ldm`, else `~/.cache/ldm`. Paths that are not absolute are to be ignored, as the XDG base directory
  /// specification has it.
  private static func folder(_ environment: [String: String]) -> String? {
    func absolute(_ name: String) -> String? { environment[name].flatMap { $0.hasPrefix("/") ? $0 : nil } }
    return absolute("XDG_CACHE_HOME").map { "\($0)/ldm" } ?? absolute("HOME").map { "\($0)/.cache/ldm" }
  }
}

extension PackCache {
  /// What this process added; nil where it added nothing.
  var growth: String? {
    guard written > 0 else { return nil }
    return "\(ByteCount(bytes: written)) of packed weights kept in \(folder), for a quick start (--no-cache: not)"
  }
}
