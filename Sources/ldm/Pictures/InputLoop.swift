import Foundation

/// Several inputs, one after another: one that fails costs one line, and the rest are done.
final class InputLoop {
  private let teller: Teller
  private let report: Report?
  private var begun = 0
  private var failures: [ExitStatus] = []
  /// A failure has ended it, and all was told.
  private var isOver = false

  init(teller: Teller, report: Report?) { (self.teller, self.report) = (teller, report) }

  /// Runs `body` on each input.
  ///
  /// - Throws: what `finish` does, and at once what would stop all.
  func run<Input>(_ inputs: [Input], origin: (Input) -> Origin, _ body: (Input) throws -> Void) throws {
    for input in inputs {
      try attempt({ try body(input) }) { try fail(origin(input), $0, since: $1, of: inputs.count) }
    }
    try finish(of: inputs.count)
  }

  /// Runs `body` on one input.
  ///
  /// - Parameter failed: is given what went wrong, and when the input was begun.
  func attempt(_ body: () throws -> Void, failed: (any Error, ContinuousClock.Instant) throws -> Void) throws {
    begun += 1
    let started = ContinuousClock.now
    do {
      try Signals.check()
      try body()
    } catch let interrupted as Signals.Interrupted {
      teller.end()
      throw interrupted
    } catch {
      // It may have been another input's, which is told already.
      if isOver { throw error }
      try failed(error, started)
    }
  }

  /// A result of an input is there.
  func done(_ origin: Origin, _ piece: Piece, seconds: Double) throws {
    teller.detail("\(origin): \(piece.target) in \(String(format: "%.2f", seconds)) s")
    try report?.add(
      origin, output: piece.target, seed: piece.seed, seconds: seconds, status: .done, message: nil)
  }

  /// Tells that an input failed.
  ///
  /// - Throws: what would stop all; with `--fail-fast` any failure.
  func fail(_ origin: Origin, _ error: any Error, since started: ContinuousClock.Instant, of count: Int) throws {
    teller.end()
    let failure = Failure(error)
    try report?.add(
      origin, output: nil, seed: nil, seconds: started.duration(to: .now).seconds, status: failure.status,
      message: failure.message)
    isOver = failure.stopsAll || teller.options.failFast
    guard !failure.stopsAll else { throw failure }
    teller.error("\(origin): \(failure.message ?? "failed")")
    failures.append(failure.status)
    if isOver { try finish(of: count) }
  }

  /// - Throws: if an input failed: with one input its status, with several status 1; `Interrupted` if a signal came.
  func finish(of count: Int) throws {
    try Signals.check()
    guard let first = failures.first else { return }
    throw Failure(max(begun, count) > 1 ? .someFailed : first, nil)
  }
}
