import ArgumentParser
import Foundation
import LatentDiffusion

extension ModelsCommand {
  struct Pack: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Fills the cache of packed weights ahead of time.",
      discussion: """
        What the first use of a model does by the way. A model so small that it is packed at every start needs no cache.
        """)

    @Argument(help: "A model's name, folder or file.") var name: String

    @Option(
      help: ArgumentHelp("Numbers of the networks: auto, f32, bf16, int8.", valueName: "type"),
      completion: .list(Precision.allCases.map(\.rawValue)))
    var precision: String = "auto"

    @OptionGroup var options: CacheOptions

    func validate() throws {
      _ = try choice(precision, "--precision", Precision.allCases.map(\.rawValue))
      guard !options.noCache, options.cacheSize?.bytes != 0 else {
        throw ValidationError("pack fills the cache; leave out --no-cache, and give --cache-size room")
      }
    }

    func run() throws {
      guard let cache = options.cache() else {
        throw Failure(.cannotCreate, "no place for a cache: XDG_CACHE_HOME and HOME are not set")
      }
      let engine = try Engine(
        modelAt: ModelLocator().path(of: name), precision: Precision(rawValue: precision)!, cache: cache)
      for task in engine.tasks {
        try Signals.check()
        try engine.prepare(task)
      }
      try Signals.check()
      if cache.isLost { throw Failure(.cannotCreate, cache.details.joined(separator: "; ")) }
      let words = cache.growth ?? (cache.found > 0 ? "packed already, in \(cache.folder)" : "too small to need a cache")
      try Streams.write(Array("ldm: \(name): \(words)\n".utf8), to: STDERR_FILENO)
    }
  }
}
