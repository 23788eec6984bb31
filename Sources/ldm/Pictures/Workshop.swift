import Foundation
import LatentDiffusion

/// The loop that every picture command shares: one model, many inputs, each read, worked on and written before the next.
final class Workshop {
  let engine: Engine
  let teller: Teller
  private var destinations: Destinations
  private let output: OutputOptions
  private let count: Int
  private let seed: UInt64
  private let seedIsDrawn: Bool
  private let report: Report?
  private let preview: FileName?
  private var number = 0
  private var surplusIsTold = false

  /// - Parameter inputs: how many; checked with the destinations before anything is loaded.
  init(
    model: ModelOptions, sampling: SamplingOptions, output: OutputOptions, telling: TellingOptions, inputs: Int
  ) throws {
    destinations = try Destinations(output.destination, inputs: inputs, count: sampling.count)
    teller = Teller(telling)
    engine = try model.engine(previewer: telling.previewVae)
    preview = telling.preview.map(FileName.init)
    self.output = output
    count = sampling.count
    seedIsDrawn = sampling.seed == nil
    // 32 bits: what PyTorch's CPU generator uses, so that a told seed means the same in other tools.
    seed = sampling.seed ?? UInt64(UInt32.random(in: 0...(.max)))
    report = try telling.report.map(Report.init)
    teller.detail("model \(engine.path)")
  }

  /// What is done with one input: its results for as many seeds as are asked for.
  ///
  /// - Parameters:
  ///   - source: nil where the input is a prompt.
  ///   - name: what results are called after.
  ///   - draft: called once results are known to be wanted.
  func make(
    from source: Source?, label: String, name: FileName, format: ImageFormat?, fileSuffix: String?,
    draft: () throws -> Draft
  ) throws {
    var made: Draft?
    for index in 0..<count {
      let started = ContinuousClock.now
      number += 1
      let seed = seed &+ UInt64(index)
      let format = output.format(input: format)
      let target = destinations.target(
        name: name, number: number, seed: seed, fileSuffix: Self.suffix(fileSuffix, for: format))
      if destinations.skips(target) {
        teller.detail("\(label): \(target) exists")
        continue
      }
      try destinations.check(target, from: source)
      if made == nil { made = try draft() }
      let bytes = try picture(made!, seed: seed, label: label, format: format)
      try destinations.write(bytes, to: target, from: label)
      let seconds = started.duration(to: .now).seconds
      teller.detail("\(label): \(target) in \(String(format: "%.2f", seconds)) s")
      try report?.add(
        input: label, output: "\(target)", seed: seed, seconds: seconds, status: .done, message: nil)
    }
  }

  private static func suffix(_ own: String?, for format: ImageFormat) -> String {
    // "photo.jpeg" stays "photo.jpeg".
    if let own, ImageFormat(suffix: own) == format { return own }
    return format.fileSuffix
  }

  private func picture(_ draft: Draft, seed: UInt64, label: String, format: ImageFormat) throws -> [UInt8] {
    var job = draft.job
    job.sampling.seed = seed
    job.depth = output.depth ?? draft.depth
    let plan = try engine.plan(job)
    tellOnce(job)
    if let preview { job.preview = { try Self.show($0, as: preview) } }
    teller.begin()
    var image = try engine.picture(job) { try teller.progress($0, of: label) }
    teller.end()
    try Signals.check()
    image = image.with(alpha: draft.alpha(for: image))
    image.metadata = draft.metadata
    if !output.strip {
      image.metadata = draft.provenance(plan, seed: seed, size: image.size).written(into: draft.metadata)
    }
    if format == .jpeg, draft.alpha != nil { teller.warn("\(label): JPEG has no alpha; laid on white") }
    return try image.encoded(as: format, output.encoding)
  }

  /// Whoever watches the file sees whole pictures alone.
  private static func show(_ picture: Tensor, as name: FileName) throws {
    let format = name.suffix.flatMap(ImageFormat.init(suffix:)) ?? .png
    try OutputFile.write(
      Image(tensor: picture, depth: 8).encoded(as: format, EncodingOptions()), to: name, replacing: true)
  }

  /// What concerns the whole run, told when the first picture is begun.
  private func tellOnce(_ job: Job) {
    if seedIsDrawn { teller.noteOnce("seed \(seed)" + (count > 1 ? " to \(seed &+ UInt64(count - 1))" : "")) }
    if let note = try? engine.facts(for: job.task).note { teller.noteOnce(note) }
    if !surplusIsTold {
      surplusIsTold = true
      let surplus = engine.surplus
      if let first = surplus.first {
        teller.warn("\(engine.path): \(surplus.count) tensors that nothing reads, as \(first)")
      }
    }
  }

  /// Runs `body` on each input; see `InputLoop`.
  func each<Input>(_ inputs: [Input], label: (Input) -> String, _ body: (Input) throws -> Void) throws {
    try InputLoop(teller: teller, report: report).run(inputs, label: label, body)
  }
}
