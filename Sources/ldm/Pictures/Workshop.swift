import Foundation
import LatentDiffusion

/// The loop that every picture command shares: one model, many inputs. While one is sampled, the next is read and decoded
/// and the last is encoded and written.
final class Workshop {
  let engine: Engine
  let teller: Teller
  private let allotment: Allotment
  private let output: OutputOptions
  private let model: ModelOptions
  private let seedIsDrawn: Bool
  private let loop: InputLoop
  private let outlet: Outlet
  private let inputs: Int
  private var isBegun = false
  private var isShared = false
  private let preview: FileName?

  /// - Parameter inputs: how many; checked with the destinations before anything is loaded.
  init(
    model: ModelOptions, sampling: SamplingOptions, output: OutputOptions, telling: TellingOptions, inputs: Int
  ) throws {
    let destinations = try Destinations(output.destination, inputs: inputs, count: sampling.count)
    teller = Teller(telling)
    engine = try model.engine(prediction: sampling.values().prediction, previewer: telling.previewVae)
    preview = telling.preview.map(FileName.init)
    (self.output, self.model) = (output, model)
    self.inputs = inputs
    seedIsDrawn = sampling.seed == nil
    // 32 bits: what PyTorch's CPU generator uses, so that a told seed means the same in other tools.
    let seed = sampling.seed ?? UInt64(UInt32.random(in: 0...(.max)))
    allotment = Allotment(
      destinations: destinations, seed: seed, count: sampling.count, format: output.named)
    let report = try telling.report.map(Report.init)
    loop = InputLoop(teller: teller, report: report)
    outlet = Outlet(destinations, report)
    teller.detail("model \(engine.path)")
  }

  /// Reworks pictures: each is read, and what `draft` makes of it is made and written.
  func rework(_ sources: [Source], maximumPixels: Int, draft: (Image, Source) throws -> Draft) throws {
    if sources.allSatisfy(\.isReady) { Neighbours.join() }
    let intake = Intake(sources, maximumPixels: maximumPixels, allotment: allotment)
    try all {
      while let arrival = try intake.next(idle: teller.idle) {
        try attempt(arrival.label) {
          switch try arrival.contents.get() {
          case .skipped: teller.detail("\(arrival.label): done already")
          case .picture(let image, let pieces):
            teller.detail("\(arrival.label): \(image.width) x \(image.height)")
            share()
            if let remark = image.remark { teller.warn("\(arrival.label): \(remark)") }
            let colours = Colours(of: image)
            var draft = try draft(colours.forModel, arrival.source)
            (draft.colours, draft.depth) = (colours, image.depth)
            for piece in pieces { try make(draft, piece, arrival.label) }
          }
        }
      }
    }
  }

  /// Makes pictures of words.
  ///
  /// - Parameter name: what results are called after.
  func draw(_ prompts: [String], name: (String) -> FileName, draft: (String) throws -> Draft) throws {
    try all {
      for prompt in prompts {
        let label = "\"\(prompt)\""
        try attempt(label) {
          let pieces = try allotment.pieces(for: name(prompt), source: nil, label: label, format: nil)
          if pieces.isEmpty { return teller.detail("\(label): done already") }
          share()
          let draft = try draft(prompt)
          for piece in pieces { try make(draft, piece, label) }
        }
      }
    }
  }

  /// Runs `body`, which makes an attempt at each input, and sees to it that all is written and told.
  private func all(_ body: () throws -> Void) throws {
    teller.expect(images: inputs)
    defer {
      teller.end()
      outlet.abandon()
    }
    try body()
    // The last result is on its way to whoever comes next in a pipe.
    Neighbours.leave()
    try settle()
    // Damage is met with where a weight is first used.
    for detail in engine.cache?.details ?? [] { teller.detail(detail) }
    try loop.finish(of: inputs)
  }

  private func attempt(_ label: String, _ body: () throws -> Void) throws {
    try loop.attempt(label, of: inputs, settle: settle, body)
    teller.advance()
  }

  private func settle() throws {
    try outlet.settle(idle: teller.idle) { finished, seconds in
      let label = finished.label
      switch seconds {
      case .success(let seconds):
        teller.detail("\(label): \(finished.piece.target) in \(String(format: "%.2f", seconds)) s")
      case .failure(let error): try loop.fail(label, error, since: finished.started, of: inputs)
      }
    }
  }

  /// The processors, once there is something to work on and before any kernel runs.
  private func share() {
    if !isShared { Neighbours.share(with: model) }
    isShared = true
  }

  private func make(_ draft: Draft, _ piece: Piece, _ label: String) throws {
    let started = ContinuousClock.now
    var job = draft.job
    job.sampling.seed = piece.seed
    let depth = piece.format.holdsSixteenBits ? output.depth ?? draft.depth : 8
    job.depth = draft.colours?.workingDepth(depth) ?? depth
    let plan = try engine.plan(job)
    tellOnce(job)
    if let preview { job.preview = { try Self.show($0, as: preview) } }
    teller.begin()
    var picture = try engine.picture(job) { try teller.progress($0, of: label) }
    if piece.format == .jpeg, draft.alpha != nil { teller.warn("\(label): JPEG has no alpha; laid on white") }
    picture.metadata = draft.metadata
    if !output.strip {
      picture.metadata = draft.provenance(plan, seed: piece.seed, size: picture.size, loras: engine.loraTags).written(
        into: draft.metadata, for: piece.format)
    }
    let isMarked = draft.mayBeMarked && !output.noWatermark && depth == 8
    let finished = Finished(
      label: label, piece: piece, started: started, picture: picture, alpha: draft.alpha(for: picture), depth: depth,
      colours: draft.colours, job: job, encoding: output.encoding, isMarked: isMarked)
    try settle()
    outlet.begin(finished)
  }

  /// Whoever watches the file sees whole pictures alone.
  private static func show(_ picture: Tensor, as name: FileName) throws {
    let format = name.suffix.flatMap(ImageFormat.init(suffix:)) ?? .png
    try OutputFile.write(
      Image(tensor: picture, depth: 8).encoded(as: format, EncodingOptions()), to: name, replacing: true)
  }

  /// What concerns the whole run, told when the first picture is begun.
  private func tellOnce(_ job: Job) {
    let (seed, count) = (allotment.seed, allotment.count)
    if seedIsDrawn { teller.noteOnce("seed \(seed)" + (count > 1 ? " to \(seed &+ UInt64(count - 1))" : "")) }
    if let note = try? engine.facts(for: job.task).note { teller.noteOnce(note) }
    for note in engine.notes + engine.warnings { teller.noteOnce(note) }
    if let growth = engine.cache?.growth { teller.noteOnce(growth) }
    if !isBegun {
      isBegun = true
      teller.detail("\(Engine.threads) threads")
      if let cache = engine.cache {
        teller.detail("\(cache.found) weights packed already, \(cache.packed) packed now")
        if cache.isLost && cache.memoryLimit != nil {
          teller.warn("--max-memory cannot be obeyed: \(cache.details.joined(separator: "; "))")
        }
      }
      let surplus = engine.surplus
      if let first = surplus.first {
        teller.warn("\(engine.path): \(surplus.count) tensors that nothing reads, as \(first)")
      }
    }
  }
}

extension Image {
  var size: Size { Size(height: height, width: width) }
}
