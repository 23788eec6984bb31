import Foundation
import LatentDiffusion
import Weights

/// The loop of the commands that run the autoencoder alone.
final class Coder {
  let engine: Engine
  let teller: Teller
  private let sources: [Source]
  private let report: Report?
  private let destinations: Destinations

  init(
    _ destination: DestinationOptions, _ model: ModelOptions, _ telling: TellingOptions, inputs sources: [Source]
  ) throws {
    self.sources = sources
    destinations = try Destinations(destination, inputs: sources.count, count: 1)
    teller = Teller(telling)
    engine = try model.engine()
    report = try telling.report.map(Report.init)
  }

  /// Writes what `body` makes of each input: files, each with its suffix.
  func each(_ body: (Source) throws -> [(bytes: [UInt8], suffix: String)]) throws {
    try InputLoop(teller: teller, report: report).run(sources, origin: { Origin($0) }) { source in
      let started = ContinuousClock.now
      let name = source.fileName
      let results = try body(source)
      if let growth = engine.cache?.growth { teller.noteOnce(growth) }
      for (index, result) in results.enumerated() {
        let part = results.count > 1 ? Array("-\(index + 1)".utf8) : []
        let own = FileName(bytes: name.stem + part + Array(".\(result.suffix)".utf8))
        let target = destinations.target(name: own, seed: 0, fileSuffix: result.suffix)
        guard results.count == 1 || destinations.holdsSeveral else {
          throw Failure(.usage, "holds \(results.count) latents; use -d DIR, or -o with {n} in the name")
        }
        guard try destinations.claim(target, for: source.description, source: source) else { continue }
        try destinations.write(result.bytes, to: target)
        try report?.add(
          Origin(source), output: target, seed: nil, seconds: started.duration(to: .now).seconds,
          status: .done, message: nil)
      }
    }
  }
}
