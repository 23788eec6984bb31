import Foundation
import Synchronization

/// The way of pictures from their making to where they go. Several may be on it: some are made, by a hand each, others are
/// encoded, one is written. They are written, and told of, in the order in which they were begun.
final class Outlet {
  /// A picture on its way, or an input that failed before one was begun.
  struct Item {
    let origin: Origin
    let started: ContinuousClock.Instant
    /// nil where there is none.
    let piece: Piece?
    /// Seconds from begin to end.
    fileprivate let written: Pending<Double>
  }

  private let destinations: Destinations
  private let encoders = DispatchQueue(label: "ldm.encoders", attributes: .concurrent)
  private let writer = DispatchQueue(label: "ldm.writer")
  private var items: [Item] = []

  init(_ destinations: Destinations) { self.destinations = destinations }

  /// Begins a picture, which the next free hand is to make.
  func begin(
    _ origin: Origin, _ piece: Piece, on hands: Hands, make: @escaping @Sendable () throws -> Finished
  ) {
    let encoded = Pending<(bytes: [UInt8], started: ContinuousClock.Instant)>()
    let (encoders, destinations) = (encoders, destinations)
    hands.add {
      let started = ContinuousClock.now
      do {
        try hands.check()
        // Handed over, not shared: the encoder works in the picture's own memory.
        let finished = Mutex<Finished?>(try make())
        encoders.async {
          encoded.fulfil(Result { (try finished.withLock { $0.take() }!.encoded(), started) })
        }
      } catch {
        encoded.fulfil(.failure(error))
      }
    }
    let written = Pending(on: writer) {
      let (bytes, started) = try encoded.wait()
      try destinations.write(bytes, to: piece.target)
      return started.duration(to: .now).seconds
    }
    items.append(Item(origin: origin, started: .now, piece: piece, written: written))
  }

  /// An input failed: to be told after what was begun before it.
  func add(_ origin: Origin, failed error: any Error, since started: ContinuousClock.Instant) {
    let written = Pending<Double>()
    written.fulfil(.failure(error))
    items.append(Item(origin: origin, started: started, piece: nil, written: written))
  }

  /// Takes the oldest off, one after another: all that are done, and as many more as need be waited for.
  ///
  /// - Parameters:
  ///   - most: how many may be left.
  ///   - body: is told of each, and its seconds or what went wrong.
  func settle(
    leaving most: Int, idle: () throws -> Void, _ body: (Item, Result<Double, any Error>) throws -> Void
  ) throws {
    while let item = items.first, items.count > most || item.written.isDone {
      let result = try item.written.result(idle: idle)
      if case .failure(let interrupted as Signals.Interrupted) = result { throw interrupted }
      items.removeFirst()
      try body(item, result)
    }
  }

  /// On the way out, once the hands are to stop: a file that is nearly there becomes whole. A pipe whose reader sleeps is
  /// left alone.
  func abandon() {
    for item in items {
      if case .file(let name) = item.piece?.target, !name.isRegularOrNew { return }
      if case .standardOutput = item.piece?.target { return }
      _ = try? item.written.wait()
    }
    items = []
  }
}

extension FileName {
  fileprivate var isRegularOrNew: Bool { status.map { $0.st_mode & S_IFMT == S_IFREG } ?? true }
}
