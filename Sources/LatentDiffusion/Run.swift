import Diffusion
import Models

/// One job on one model: makes the picture and keeps count of the network's calls.
final class Run {
  let job: Job
  let loaded: LoadedModel
  let sampling: ResolvedSampling
  var noise: Noise
  private let givesSamples: Bool
  private let progress: (Progress) throws -> Void
  private var done = 0
  /// Calls planned in passes that are not begun yet, by the run's own count.
  private var planned = 0

  var model: Model { loaded.model }

  /// - Parameter givesSamples: the result is asked for as a file's samples, not as floats.
  init(
    _ job: Job, on loaded: LoadedModel, givesSamples: Bool, progress: @escaping (Progress) throws -> Void
  ) throws {
    var job = try job.prepared(for: loaded.model)
    guard (0...1).contains(job.request.strength) else {
      throw ConditioningError.range(what: "the strength", found: "\(job.request.strength)", expected: "0 to 1")
    }
    if Depth.suits(loaded.model) { job.conditioners.append(Depth()) }
    (self.job, self.loaded, self.givesSamples, self.progress) = (job, loaded, givesSamples, progress)
    sampling = try loaded.resolved(job.sampling, task: job.task)
    noise = Noise(seed: job.sampling.seed, generator: job.sampling.generator)
  }

  func picture() throws -> Surface {
    switch job.task {
    case .textToImage: try textToImage()
    case .imageToImage: try imageToImage()
    case .inpaint: try inpaint()
    case .upscale: try upscale()
    }
  }

  /// The job's picture.
  func required(_ task: String) throws(ConditioningError) -> Surface {
    if let picture = job.picture { return .samples(picture) }
    return .floats(try job.request.required(\.image, "a picture", by: task))
  }

  /// A sheet for a result: samples of at least `depth` bits where samples are wanted.
  func surface(of size: Size, depth: Int) -> Surface {
    givesSamples
      ? .samples(Image(width: size.width, height: size.height, depth: max(depth, job.depth)))
      : .floats(Tensor(zeros: [1, 3, size.height, size.width]))
  }

  func surface(of picture: Tensor) -> Surface {
    givesSamples ? .samples(Image(tensor: picture, depth: job.depth)) : .floats(picture)
  }

  /// The request with the model's own defaults where it leaves them open.
  func prepared(_ request: Request) -> Request {
    var request = request
    request.prompt = loaded.defaults.prefixed(request.positive, reworks: job.task != .textToImage)
    request.steps = sampling.settings.steps
    if let encoding = loaded.defaults.encoding, request.encoding == nil { request.encoding = encoding }
    request.matchesDetail = request.matchesDetail ?? loaded.defaults.matchesDetail
    return request
  }

  /// One pass of the sampler and the decoder.
  ///
  /// - Parameters:
  ///   - conditioners: of the task, beside the text; the job's own follow them.
  ///   - settings: of a pass after the first; nil: the job's.
  ///   - mayResize: conditioners may compose a picture of another size.
  func pass(
    _ request: Request, by conditioners: [any Conditioner], windows: Windows? = nil, settings: SampleSettings? = nil,
    mayResize: Bool = false
  ) throws -> Tensor {
    let factor = model.latentFactor
    let (latents, compose) = try latents(
      of: request, by: conditioners, windows: windows, settings: settings,
      size: Size(height: request.size.height / factor, width: request.size.width / factor))
    try report("decoding")
    let decoded = try loaded.decode(latents)
    let picture = try compose.reduce(decoded) { try $1($0) }
    guard mayResize || picture.shape == decoded.shape else {
      throw ConditioningError.shape(what: "the composed picture", found: picture.shape, expected: decoded.shape)
    }
    return picture
  }

  /// One pass of the sampler.
  ///
  /// - Parameters:
  ///   - windows: cuts the latents where given; else the network sees them whole.
  ///   - settings: of a pass after the first; nil: the job's.
  ///   - size: of the latents.
  ///   - blankCanvas: each window is shown a canvas with nothing on it, where the model asks for one.
  func latents(
    of request: Request, by conditioners: [any Conditioner], windows: Windows?, settings: SampleSettings? = nil,
    size: Size, blankCanvas: Bool = false
  ) throws -> (latents: Tensor, compose: [Conditioning.Compose]) {
    let settings = settings ?? sampling.settings
    var conditioning = Conditioning()
    for conditioner in conditioners + job.conditioners {
      try conditioning.combine(conditioner.condition(request, with: loaded, noise: &noise))
    }
    try conditioning.complete(with: TextToImage().condition(request, with: loaded, noise: &noise))
    var canvas: Tensor?
    if blankCanvas, let windows {
      var blank = request
      blank.size = windows.size * model.latentFactor
      canvas = try loaded.blankCanvas.first?.condition(blank, with: loaded, noise: &noise).concatenated
    }
    try check(conditioning, size, besides: canvas?.shape[1] ?? 0)
    if let preview = job.preview { conditioning.constrain.append(previewing(preview)) }
    func denoiser(_ model: Model, canvas: Tensor?) throws -> any Denoiser {
      let network = try job.sampling.approximation.of(model, seed: job.sampling.seed)
      return windows.map { WindowedDenoiser(model: network, windows: $0, concatenated: canvas) { try self.tick() } }
        ?? network
    }
    // Until the first step is done and its number of calls known.
    let steps = Double(settings.steps) * (conditioning.start?.strength ?? 1)
    planned = done + max(Int(steps), 1) * (windows?.count ?? 1)
    var latents = try sample(
      denoiser(model, canvas: canvas), conditioning, sampling.sampler, ownPart(of: settings),
      shape: [1, model.latentChannels, size.height, size.width], noise: &noise, progress: counter(windows))
    if let refiner = loaded.refiner {
      latents = try refined(
        latents, refiner, request, conditioning, settings, by: denoiser(refiner.model, canvas: nil),
        progress: counter(windows))
    }
    return (latents, conditioning.compose)
  }

  /// How a pass after the first is sampled, at a strength that the user did not give; nil: that leaves it no step. All steps
  /// are made, where the job wants that, as far as the list of sigmas and the model's training steps have so many.
  func laterSettings(strength: Double) -> SampleSettings? {
    var settings = sampling.settings
    settings.exactSteps =
      settings.exactSteps && job.sampling.sigmas == nil
      && Double(settings.steps) / strength < Double(trainSteps)
    return settings.exactSteps || Int(Double(settings.steps) * strength) > 0 ? settings : nil
  }

  var trainSteps: Int { model.scheduler.trainSteps ?? 1000 }

  /// Decodes large latents tile by tile, in strips of rows from top to bottom.
  ///
  /// - Parameters:
  ///   - compose: conditioners' own; where there are any, the picture is decoded whole for them.
  ///   - anchor: is given each tile and its place in the latents, before tiles are blended.
  func decode(
    _ latents: Tensor, compose: [Conditioning.Compose], anchor: (Region, Tensor) throws -> Tensor = { $1 },
    emit: (_ top: Int, _ strip: Tensor) throws -> Void
  ) throws {
    guard compose.isEmpty else {
      try report("decoding")
      let whole = try anchor(Region(all: latents.shape), loaded.decode(latents))
      let picture = try compose.reduce(whole) { try $1($0) }
      guard picture.shape == whole.shape else {
        throw ConditioningError.shape(what: "the composed picture", found: picture.shape, expected: whole.shape)
      }
      return try emit(0, picture)
    }
    let tiles = loaded.tiles(of: latents)
    planned = done + tiles.count
    try report("decoding")
    let decoded = loaded.decoding(latents, in: tiles)
    try tiles.strips(scale: model.latentFactor) { part in
      try report("decoding")
      done += 1
      return try anchor(part, decoded(part))
    } emit: {
      try emit($0, $1)
    }
  }

  /// What the network takes for granted, and a conditioner from elsewhere may get wrong.
  ///
  /// - Parameter besides: channels that are appended elsewhere.
  private func check(_ conditioning: Conditioning, _ size: Size, besides: Int) throws {
    let channels = model.inputChannels - model.latentChannels - besides
    let found = conditioning.concatenated?.shape ?? [1, 0, size.height, size.width]
    let expected = [1, channels, size.height, size.width]
    guard found == expected else {
      throw ConditioningError.shape(
        what: "what conditioners append to the UNet's input", found: found, expected: expected)
    }
    if let start = conditioning.start, !(0...1).contains(start.strength) {
      throw ConditioningError.range(what: "the start's strength", found: "\(start.strength)", expected: "0 to 1")
    }
    if let rows = model.labels, case .index(let row) = conditioning.label, !(0..<rows).contains(row) {
      throw ConditioningError.range(what: "the label", found: "\(row)", expected: "0 to \(rows - 1)")
    }
    // Their lengths may differ: a long text takes several windows.
    let texts = (conditioning.context + [conditioning.negative].compactMap { $0 }).flatMap(\.encodings).map(\.tokens)
    for text in texts where text.shape[0] != texts[0].shape[0] || text.shape[2] != texts[0].shape[2] {
      throw ConditioningError.shape(what: "the negative prompt", found: text.shape, expected: texts[0].shape)
    }
  }

  /// Counts the calls of one sampling, which begins now.
  private func counter(_ windows: Windows?) -> (Int, Int) throws -> Void {
    let (before, each) = (done, windows?.count ?? 1)
    return { [self] calls, total in
      planned = before + total * each
      done = before + calls * each
      try report("sampling")
    }
  }

  /// Windows of the model's own size, a quarter shared with each neighbour.
  func windows(over size: Size) -> Windows {
    Windows(height: size.height, width: size.width, side: loaded.window, overlap: loaded.window / 4)
  }

  private func tick() throws {
    done += 1
    try report("sampling")
  }

  func report(_ stage: String) throws {
    try progress(Progress(done: done, total: max(planned, done), stage: stage))
  }
}
