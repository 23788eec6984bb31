import Foundation

/// Encodes and writes one result while the next is sampled.
final class Outlet {
  private let destinations: Destinations
  private let report: Report?
  private let queue = DispatchQueue(label: "ldm.outlet")
  private var last: (finished: Finished, seconds: Pending<Double>)?

  init(_ destinations: Destinations, _ report: Report?) { (self.destinations, self.report) = (destinations, report) }

  /// Begins to write. The result before it must be settled.
  func begin(_ finished: Finished) {
    precondition(last == nil, "one result at a time")
    let (destinations, report) = (destinations, report)
    last = (finished, Pending(on: queue) { try finished.write(to: destinations, report) })
  }

  /// Waits until the result in hand is written, and calls `body` with it and with its seconds or what went wrong.
  func settle(idle: () throws -> Void, _ body: (Finished, Result<Double, any Error>) throws -> Void) throws {
    guard let (finished, seconds) = last else { return }
    do {
      let value = try seconds.value(idle: idle)
      last = nil
      try body(finished, .success(value))
    } catch let interrupted as Signals.Interrupted {
      throw interrupted
    } catch  where last != nil {
      last = nil
      try body(finished, .failure(error))
    }
  }

  /// On the way out: a file that is nearly there becomes whole. A pipe whose reader sleeps is left alone.
  func abandon() {
    guard let (finished, seconds) = last, case .file(let name) = finished.piece.target, name.isRegularOrNew else {
      return
    }
    last = nil
    _ = try? seconds.value {}
  }
}

extension FileName {
  fileprivate var isRegularOrNew: Bool { status.map { $0.st_mode & S_IFMT == S_IFREG } ?? true }
}
