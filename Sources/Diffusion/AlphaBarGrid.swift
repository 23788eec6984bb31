/// What the samplers that walk the table of ᾱ share: DDIM, DDPM, PNDM and LCM.
struct AlphaBarGrid: Sendable {
  let grid: TimeGrid
  /// ᾱ where the walk steps past training step 0.
  let final: NoiseLevel
  let clip: Float?

  init(_ setup: SamplerSetup, alphaToOne: Bool, clips: Bool, clipSupported: Bool = true) throws(SamplerError) {
    grid = try setup.grid(.leading, curved: false)
    final = setup.config.setAlphaToOne ?? alphaToOne ? .clean : setup.noise.level(at: 0)
    clip = clipSupported ? try Self.clip(setup, standard: clips) : nil
  }

  /// The range that clean latents are clipped to; `standard`: whether they are where the config does not say.
  static func clip(_ setup: SamplerSetup, standard: Bool) throws(SamplerError) -> Float? {
    guard setup.config.clipSample ?? standard else { return nil }
    let range = Float(setup.config.clipSampleRange ?? 1)
    guard range > 0 else { throw .range(what: "clip_sample_range", found: "\(range)", expected: "more than 0") }
    return range
  }

  func level(_ t: Int) -> NoiseLevel { t < 0 ? final : grid.noise.level(at: t) }

  func refine(_ x0: Tensor) -> Tensor { clip.map { x0.clamped(to: -$0...$0) } ?? x0 }

  /// Nodes from t to t - T/N, which need not be the next of the list.
  func nodes(_ steps: Int) throws(SamplerError) -> [Plan.Node] {
    let stride = grid.noise.count / steps
    return try grid.wholeTimesteps(steps).map { t in
      Plan.Node(timestep: Double(t), level: level(t), next: level(t - stride))
    }
  }
}
