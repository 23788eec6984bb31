import Foundation

/// Several inputs, one after another.
struct InputLoop {
  let teller: Teller
  let report: Report?

  /// Runs `body` on each input. One that fails costs one line; the rest are done.
  ///
  /// - Throws: with one input its own failure; with several status 1, and at once what would stop all.
  func run<Input>(_ inputs: [Input], label: (Input) -> String, _ body: (Input) throws -> Void) throws {
    var failed = false
    for input in inputs {
      let started = ContinuousClock.now
      do {
        try Signals.check()
        try body(input)
      } catch let interrupted as Signals.Interrupted {
        teller.end()
        throw interrupted
      } catch {
        teller.end()
        var failure = Failure(error)
        try report?.add(
          input: label(input), output: nil, seed: nil, seconds: started.duration(to: .now).seconds,
          status: failure.status, message: failure.message)
        guard !failure.stopsAll else { throw failure }
        teller.error("\(label(input)): \(failure.message ?? "failed")")
        failure.message = nil
        guard inputs.count > 1 else { throw failure }
        failed = true
        if teller.options.failFast { break }
      }
    }
    if failed { throw Failure(.someFailed, nil) }
  }
}
