import LatentDiffusion

/// One picture that is to be made, with all that whoever makes it needs to know.
struct Order: Sendable {
  let label: String
  let piece: Piece
  let draft: Draft
  /// The draft's, with its seed and depth.
  let job: Job
  let plan: Plan
  let output: OutputOptions
  let depth: Int

  /// - Parameter preview: is given what the picture looks like after each step; nil: nobody looks.
  init(
    _ draft: Draft, _ piece: Piece, _ label: String, _ output: OutputOptions, engine: Engine,
    preview: (@Sendable (Tensor) throws -> Void)?
  ) throws {
    depth = piece.format.holdsSixteenBits ? output.depth ?? draft.depth : 8
    var job = draft.job
    job.sampling.seed = piece.seed
    job.depth = draft.colours?.workingDepth(depth) ?? depth
    job.preview = preview
    plan = try engine.plan(job)
    (self.label, self.piece, self.draft, self.output, self.job) = (label, piece, draft, output, job)
  }

  /// - Throws: `Refusal`, and what the engine and `progress` throw.
  func finished(
    by engine: Engine, _ safeguard: Safeguard, _ teller: Teller, progress: (RunProgress) throws -> Void
  ) throws -> Finished {
    let job = try engine.prepared(job)
    var (picture, found) = try safeguard.passed(engine.picture(job, progress: progress))
    if !found.isEmpty { teller.warn("\(label): blurred: \(Refusal.objection(found))") }
    let hole = job.hole
    picture.metadata = draft.metadata
    if !output.strip {
      picture.metadata = draft.provenance(
        plan, seed: piece.seed, size: picture.size, loras: engine.loraNames, engine.adapterHashes(job.request)
      ).written(into: draft.metadata, for: piece.format)
    }
    return Finished(
      format: piece.format, picture: picture, alpha: draft.alpha(for: picture, repainted: hole), depth: depth,
      // What inpainting keeps stays blurred too.
      colours: draft.colours, repainted: found.isEmpty && !job.request.raw ? hole : nil, encoding: output.encoding,
      isMarked: draft.mayBeMarked && !output.noWatermark && depth == 8)
  }
}

extension Job {
  /// What inpainting repaints, as it reads the mask; nil for other work.
  fileprivate var hole: Mask? {
    guard task == .inpaint, let mask = request.mask else { return nil }
    return Mask(request.maskMode == .soft ? mask : mask.map { $0 >= 0.5 ? 1 : 0 })
  }
}

extension Image {
  var size: Size { Size(height: height, width: width) }
}
