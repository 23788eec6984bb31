import Foundation
import LatentDiffusion

/// The loop of the commands that run the autoencoder alone.
final class Coder {
  let engine: Engine
  let teller: Teller
  let destinations: Destinations
  private let inputs: Int
  private let report: Report?
  private let loop: InputLoop
  /// When the input in hand was begun.
  private var started = ContinuousClock.now

  init(
    _ destination: DestinationOptions, _ model: ModelOptions, _ telling: TellingOptions, inputs sources: [Source]
  ) throws {
    inputs = sources.count
    destinations = try Destinations(destination, inputs: inputs, count: 1)
    destinations.keep(sources)
    teller = Teller(telling)
    teller.expect(images: inputs)
    engine = try model.engine()
    report = try telling.report.map(Report.init)
    loop = InputLoop(teller: teller, report: report)
  }

  /// The model's name, as metadata hold it.
  var modelName: String {
    engine.defaults.tasks[Job.Task.imageToImage.rawValue] ?? URL(fileURLWithPath: engine.path).lastPathComponent
  }

  /// Runs `body` on an input: one that fails costs one line.
  func attempt(_ origin: Origin, _ body: () throws -> Void) throws {
    started = .now
    try loop.attempt(body) { try loop.fail(origin, $0, since: $1, of: inputs) }
    teller.advance()
  }

  /// All its results are there already.
  func skip(_ origin: Origin) { teller.detail("\(origin): done already") }

  /// After the last input.
  func finish() throws { try loop.finish(of: inputs) }

  /// Takes places for the results of one input, before any work is done for them.
  ///
  /// - Returns: nil for each that `--skip-existing` leaves out.
  func places(_ count: Int, for source: Source, suffix: String) throws -> [Destinations.Target?] {
    guard count == 1 || destinations.holdsSeveral else {
      throw Failure(.usage, "holds \(count) latents; use -d DIR, or -o with {n} in the name")
    }
    let name = source.fileName
    return try (1...count).map { number in
      let part = count > 1 ? Array("-\(number)".utf8) : []
      let own = FileName(bytes: name.stem + part + Array(".\(suffix)".utf8))
      let target = destinations.target(name: own, seed: 0, fileSuffix: suffix)
      guard count == 1 || !target.isFile(of: source) else {
        throw Failure(.cannotCreate, "holds \(count) latents, and a result would replace all; use another name, or -d")
      }
      return try destinations.claim(target, for: source.description, source: source) ? target : nil
    }
  }

  /// Writes a result, unless a signal came while it was made.
  func write(_ bytes: [UInt8], to target: Destinations.Target, of origin: Origin) throws {
    if let growth = engine.cache?.growth { teller.noteOnce(growth) }
    try teller.idle()
    try destinations.write(bytes, to: target)
    try report?.add(
      origin, output: target, seed: nil, seconds: started.duration(to: .now).seconds, status: .done, message: nil)
  }
}
