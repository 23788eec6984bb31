import Diffusion
import Models

/// One job on one model: makes the picture and keeps count of the network's calls.
final class Run {
  let job: Job
  let loaded: LoadedModel
  let sampling: ResolvedSampling
  var noise: Noise
  private let progress: (Progress) throws -> Void
  private var done = 0
  /// Calls planned in passes that are not begun yet, by the run's own count.
  private var planned = 0

  var model: Model { loaded.model }

  init(_ job: Job, on loaded: LoadedModel, progress: @escaping (Progress) throws -> Void) throws {
    var job = job
    for conditioner in job.conditioners { job.request = try conditioner.prepare(job.request, for: loaded.model) }
    if Depth.suits(loaded.model) { job.conditioners.append(Depth()) }
    (self.job, self.loaded, self.progress) = (job, loaded, progress)
    sampling = try loaded.resolved(job.sampling, task: job.task)
    noise = Noise(seed: job.sampling.seed, generator: job.sampling.generator)
  }

  func picture() throws -> Tensor {
    switch job.task {
    case .textToImage: try textToImage()
    case .imageToImage: try imageToImage()
    case .inpaint: try inpaint()
    case .upscale: try upscale()
    }
  }

  private func textToImage() throws -> Tensor {
    let wanted = job.request.size
    var request = prepared(job.request)
    request.size = Size(height: loaded.roundedUp(wanted.height), width: loaded.roundedUp(wanted.width))
    let picture = try pass(request, by: [TextToImage()] + loaded.blankCanvas, mayResize: true)
    // What a conditioner cut to size has no margin left.
    guard picture.shape == [1, 3, request.size.height, request.size.width] else { return picture }
    return picture.cropped(top: 0, left: 0, height: wanted.height, width: wanted.width)
  }

  /// The request with the model's own defaults where it leaves them open.
  func prepared(_ request: Request) -> Request {
    var request = request
    request.prompt = loaded.defaults.prefixed(request.positive, reworks: request.image != nil)
    request.steps = sampling.settings.steps
    if let encoding = loaded.defaults.encoding, request.encoding == nil { request.encoding = encoding }
    return request
  }

  /// One pass of the sampler and the decoder.
  ///
  /// - Parameters:
  ///   - windows: cuts the latents where given; else the network sees them whole.
  ///   - mayResize: conditioners may compose a picture of another size.
  func pass(
    _ request: Request, by conditioners: [any Conditioner], sampling: ResolvedSampling? = nil, windows: Windows? = nil,
    latentSize: Size? = nil, mayResize: Bool = false
  ) throws -> Tensor {
    let sampling = sampling ?? self.sampling
    var conditioning = Conditioning()
    for conditioner in conditioners + job.conditioners {
      try conditioning.combine(conditioner.condition(request, with: model, noise: &noise))
    }
    let factor = model.latentFactor
    let size = latentSize ?? Size(height: request.size.height / factor, width: request.size.width / factor)
    try check(conditioning, size)
    if let preview = job.preview { conditioning.constrain.append(previewing(preview)) }
    func denoiser(_ model: Model) -> any Denoiser {
      windows.map { WindowedDenoiser(model: model, windows: $0) { try self.tick() } } ?? model
    }
    var latents = try sample(
      denoiser(model), conditioning, sampling.sampler, ownPart(of: sampling.settings),
      shape: [1, model.latentChannels, size.height, size.width], noise: &noise, progress: counter(windows))
    if let refiner = loaded.refiner {
      latents = try refined(
        latents, refiner, request, conditioning, sampling, by: denoiser(refiner.model),
        progress: counter(windows))
    }
    try report("decoding")
    let decoded = try loaded.decode(latents)
    let picture = try conditioning.compose.reduce(decoded) { try $1($0) }
    guard mayResize || picture.shape == decoded.shape else {
      throw ConditioningError.shape(what: "the composed picture", found: picture.shape, expected: decoded.shape)
    }
    return picture
  }

  /// What the network takes for granted, and a conditioner from elsewhere may get wrong.
  private func check(_ conditioning: Conditioning, _ size: Size) throws {
    let channels = model.inputChannels - model.latentChannels
    let found = conditioning.concatenated?.shape ?? [1, 0, size.height, size.width]
    let expected = [1, channels, size.height, size.width]
    guard found == expected else {
      throw ConditioningError.shape(
        what: "what conditioners append to the UNet's input", found: found, expected: expected)
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

  private func tick() throws {
    done += 1
    try report("sampling")
  }

  private func report(_ stage: String) throws {
    try progress(Progress(done: done, total: max(planned, done), stage: stage))
  }
}
