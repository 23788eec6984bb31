import Dispatch
import LatentDiffusion
import Synchronization

/// The pictures of all sources in order. The next one is read and decoded while the last is worked on.
final class Intake {
  /// A picture, or what became of it.
  struct Arrival: Sendable {
    let source: Source
    /// The source, and which picture of it where it holds several.
    let origin: Origin
    let contents: Result<Contents, any Error>
  }

  enum Contents: Sendable {
    case picture(Image, [Piece])
    /// All its results are there already.
    case skipped
  }

  private let feed: Feed
  private let queue = DispatchQueue(label: "ldm.intake")
  private var ahead: Pending<Arrival?>?

  /// - Parameter allotment: says which results a picture is to have, before it is decoded.
  init(_ sources: [Source], maximumPixels: Int, allotment: Allotment) {
    feed = Feed(sources, maximumPixels: maximumPixels, allotment: allotment)
  }

  /// nil at the end.
  ///
  /// - Parameter idle: see `Pending`.
  func next(idle: () throws -> Void) throws -> Arrival? {
    let feed = feed
    let arrival = try (ahead ?? Pending(on: queue) { feed.next() }).result(idle: idle).get()
    ahead = arrival == nil ? nil : Pending(on: queue) { feed.next() }
    return arrival
  }
}

/// What runs on the intake's own thread.
private final class Feed: Sendable {
  private struct State {
    var rest: ArraySlice<Source>
    var open: (source: Source, reader: PictureReader)?
  }

  private let state: Mutex<State>
  private let maximumPixels: Int
  private let allotment: Allotment

  init(_ sources: [Source], maximumPixels: Int, allotment: Allotment) {
    state = Mutex(State(rest: sources[...]))
    (self.maximumPixels, self.allotment) = (maximumPixels, allotment)
  }

  func next() -> Intake.Arrival? {
    state.withLock { state in
      while true {
        if let (source, reader) = state.open {
          if let arrival = next(of: source, reader) { return arrival }
          state.open = nil
        }
        guard let source = state.rest.popFirst() else { return nil }
        do {
          state.open = (source, try PictureReader(source, maximumPixels: maximumPixels))
        } catch {
          return Intake.Arrival(source: source, origin: Origin(source), contents: .failure(error))
        }
      }
    }
  }

  /// The next picture of a source; nil at its end. After an error in reading there is no more of it.
  private func next(of source: Source, _ reader: PictureReader) -> Intake.Arrival? {
    let number = reader.count + 1
    let origin = Origin(source, picture: number)
    func arrival(_ body: () throws -> Intake.Contents) -> Intake.Arrival {
      Intake.Arrival(source: source, origin: origin, contents: Result(catching: body))
    }
    let format: ImageFormat
    do {
      guard let next = try reader.next() else { return nil }
      format = next
    } catch {
      reader.close()
      return arrival { throw error }
    }
    return arrival {
      var name = source.fileName
      if number > 1 { name.bytes = name.stem + Array("-\(number).\(name.suffix ?? "")".utf8) }
      let pieces: [Piece]
      do {
        pieces = try allotment.pieces(for: name, source: source, label: "\(origin)", format: format)
      } catch {
        try reader.skip(format)
        throw error
      }
      guard !pieces.isEmpty else {
        try reader.skip(format)
        return .skipped
      }
      let bytes = try reader.take(format)
      if let objection = allotment.objection(toSeveralOf: source, pieces), try number > 1 || reader.next() != nil {
        if number == 1 { reader.close() }
        throw objection
      }
      return .picture(try Image(decoding: bytes, maximumPixels: maximumPixels), pieces)
    }
  }
}
