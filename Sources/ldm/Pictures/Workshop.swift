import Foundation
import LatentDiffusion

/// The loop that every picture command shares: one model, many inputs. While some are sampled, the next is read and decoded
/// and those before them are encoded and written.
final class Workshop {
  let engine: Engine
  let teller: Teller
  private let allotment: Allotment
  private let output: OutputOptions
  private let model: ModelOptions
  private let jobs: JobOptions
  private let seedIsDrawn: Bool
  private let loop: InputLoop
  private let outlet: Outlet
  private let safeguard: Safeguard
  private let inputs: Int
  private var isBegun = false
  private var isShared = false
  private let preview: FileName?
  /// Once there is something to make.
  private var hands: Hands?

  /// - Parameter inputs: how many; checked with the destinations before anything is loaded.
  init(
    model: ModelOptions, sampling: SamplingOptions, jobs: JobOptions, output: OutputOptions, telling: TellingOptions,
    preview: PreviewOptions, inputs: Int
  ) throws {
    let destinations = try Destinations(output.destination, inputs: inputs, count: sampling.count)
    teller = Teller(telling)
    engine = try model.engine(prediction: sampling.values().prediction, previewer: preview.previewVae)
    self.preview = try preview.file()
    (self.output, self.model, self.jobs) = (output, model, jobs)
    if let count = jobs.jobs, count > 1 {
      // One file to look at, and a memory that is kept by weights that leave while others work.
      guard self.preview == nil else {
        throw Failure(.usage, "--preview shows one picture at a time; leave out --jobs")
      }
      guard model.cache.maxMemory == nil else {
        throw Failure(.usage, "--max-memory has room for one picture at a time; leave out --jobs")
      }
    }
    self.inputs = inputs
    seedIsDrawn = sampling.seed == nil
    // 32 bits: what PyTorch's CPU generator uses, so that a told seed means the same in other tools.
    let seed = sampling.seed ?? UInt64(UInt32.random(in: 0...(.max)))
    allotment = Allotment(
      destinations: destinations, seed: seed, count: sampling.count, format: output.named, encoding: output.encoding)
    let report = try telling.report.map(Report.init)
    loop = InputLoop(teller: teller, report: report)
    outlet = Outlet(destinations)
    guard output.safety == .none || self.preview == nil else {
      throw Failure(.usage, "--preview shows what --safety has not looked at; leave out one of them")
    }
    safeguard = try Safeguard(output.safety, engine)
    teller.detail("model \(engine.path)")
  }

  /// Reworks pictures: each is read, and what `draft` makes of it is made and written.
  func rework(_ sources: [Source], maximumPixels: Int, draft: (Image, Source) throws -> Draft) throws {
    allotment.destinations.keep(sources)
    if sources.allSatisfy(\.isReady) { Neighbours.join() }
    let intake = Intake(sources, maximumPixels: maximumPixels, allotment: allotment)
    try all {
      while let arrival = try intake.next(idle: idle) {
        try attempt(arrival.origin) {
          switch try arrival.contents.get() {
          case .skipped: skip(arrival.origin)
          case .picture(let image, let pieces):
            teller.detail("\(arrival.origin): \(image.width) x \(image.height)")
            share()
            if let remark = image.remark { teller.warn("\(arrival.origin): \(remark)") }
            let colours = Colours(of: image)
            var draft = try draft(colours.forModel, arrival.source)
            (draft.colours, draft.depth) = (colours, image.depth)
            try make(draft, pieces, arrival.origin)
          }
        }
      }
    }
  }

  /// Makes pictures of words.
  ///
  /// - Parameter name: what results are called after.
  func draw(_ wishes: [Wish], name: (String) -> FileName, draft: (Wish) throws -> Draft) throws {
    var loras: [LoRATag] = []
    try all {
      for wish in wishes {
        let origin = Origin(prompt: wish.prompt)
        try attempt(origin) {
          let named = try wish.loras()
          // A model with other LoRAs takes the place of the one that pictures on their way are made with.
          if named != loras { try settle(leaving: 0) }
          loras = named
          let pieces = try allotment.pieces(
            for: name(wish.prompt), source: nil, label: "\(origin)", format: nil, firstSeed: wish.options.sampling.seed)
          if pieces.isEmpty { return skip(origin) }
          share()
          try make(draft(wish), pieces, origin)
        }
      }
    }
  }

  /// Runs `body`, which makes an attempt at each input, and sees to it that all is written and told.
  private func all(_ body: () throws -> Void) throws {
    teller.expect(images: inputs)
    defer {
      teller.end()
      hands?.cancel()
      outlet.abandon()
    }
    try body()
    // Once the last result is on its way to whoever comes next in a pipe.
    hands?.whenDone { Neighbours.leave() }
    try settle(leaving: 0)
    // Damage is met with where a weight is first used.
    for detail in engine.cache?.details ?? [] { teller.detail(detail) }
    try loop.finish(of: inputs)
  }

  private func attempt(_ origin: Origin, _ body: () throws -> Void) throws {
    try loop.attempt(body) { error, started in
      teller.advance()
      outlet.add(origin, failed: error, since: started)
      // What was begun before it is told first; nothing after it is begun where it ends all.
      try settle(leaving: teller.options.failFast || Failure(error).stopsAll ? 0 : room)
    }
  }

  private func skip(_ origin: Origin) {
    teller.detail("\(origin): done already")
    teller.advance()
  }

  /// How many pictures may be on their way when another is begun: each hand has one in work, and one before or behind it.
  private var room: Int { hands.map { 2 * $0.count - 1 } ?? 0 }

  private func settle(leaving most: Int) throws {
    try outlet.settle(leaving: most, idle: teller.idle) { item, result in
      switch result {
      case .success(let seconds): try loop.done(item.origin, item.piece!, seconds: seconds)
      case .failure(let error): try loop.fail(item.origin, error, since: item.started, of: inputs)
      }
    }
  }

  /// Called while the next input is waited for.
  private func idle() throws {
    try teller.idle()
    try settle(leaving: .max)
  }

  /// The processors, once there is something to work on and before any kernel runs.
  private func share() {
    if !isShared { Neighbours.share(with: model) }
    isShared = true
  }

  private func make(_ draft: Draft, _ pieces: [Piece], _ origin: Origin) throws {
    for piece in pieces {
      try safeguard.prepare()
      let order = try Order(draft, piece, "\(origin)", output, engine: engine, preview: show)
      if piece.format == .jpeg, draft.alpha != nil { teller.warn("\(origin): JPEG has no alpha; laid on white") }
      tellOnce(order.job)
      let hands = try self.hands ?? hired(for: order.job)
      self.hands = hands
      try settle(leaving: room)
      let (engine, safeguard, teller, isLast) = (engine, safeguard, teller, piece.seed == pieces.last?.seed)
      outlet.begin(origin, piece, on: hands) {
        let number = teller.begin(origin)
        defer { teller.end(number, completes: isLast) }
        return try order.finished(by: engine, safeguard, teller) {
          try hands.check()
          try teller.progress($0, of: number)
        }
      }
    }
  }

  /// As many hands as the first job lets expect.
  private func hired(for job: Job) throws -> Hands {
    let isOne = preview != nil || !job.conditioners.isEmpty || model.cache.maxMemory != nil
    guard jobs.jobs ?? 1 == 1 || job.conditioners.isEmpty else {
      throw Failure(.usage, "--plugin: plug-ins see one picture at a time; leave out --jobs", stopsAll: true)
    }
    let count =
      isOne
      ? 1
      : jobs.count(
        pictures: inputs * allotment.count, threads: Engine.threads, memory: try engine.memory(for: job),
        windowSide: try engine.facts(for: job.task, prompt: job.request.positive).windowSide)
    teller.detail("\(Engine.threads) threads, \(count == 1 ? "one picture" : "\(count) pictures") at a time")
    return Hands(count, sharing: Engine.threads)
  }

  /// Whoever watches the file sees whole pictures alone.
  private var show: (@Sendable (Tensor) throws -> Void)? {
    guard let name = preview else { return nil }
    return { picture in
      let format = name.suffix.flatMap(ImageFormat.init(suffix:)) ?? .png
      try OutputFile.write(
        Image(tensor: picture, depth: 8).encoded(as: format, EncodingOptions()), to: name, replacing: true)
    }
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
