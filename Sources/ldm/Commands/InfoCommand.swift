import ArgumentParser
import Foundation
import Weights

struct InfoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info", abstract: "Tells what a picture's metadata, a file of weights or a model folder holds.",
    discussion: """
      Weights are never loaded. A picture's pixels are read for its invisible watermark alone; --quick leaves that out.
      """)

  @OptionGroup var input: InputOptions

  @Flag(help: "As JSON, an object a line.") var json = false

  @Flag(help: "Reads headers alone: no watermark.") var quick = false

  func run() throws {
    let sources = try input.sources()
    let teller = Teller(try TellingOptions.parse([]))
    try InputLoop(teller: teller, report: nil).run(sources, origin: { Origin($0) }) { source in
      try Self.alone {
        try Facts.each(of: source, maximumPixels: input.maxPixels, isQuick: quick) { facts, origin in
          let text = json ? facts.json(origin) : facts.lines(origin)
          try Streams.write(Array((text + "\n").utf8), to: STDOUT_FILENO)
        }
      }
    }
  }

  /// A bad file of weights says nothing about the inputs after it.
  private static func alone<R>(_ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch let error where !(error is Signals.Interrupted) {
      var failure = Failure(error)
      // The input's name stands before it already.
      if case WeightsError.foreign(_, let what) = error { failure.message = what }
      failure.stopsAll = false
      throw failure
    }
  }
}
