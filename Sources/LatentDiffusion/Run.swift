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
    let picture = try pass(request, by: [TextToImage()] + loaded.blankCanvas)
    return picture.cropped(top: 0, left: 0, height: wanted.height, width: wanted.width)
  }

  /// The request with the model's own defaults where it leaves them open.
  func prepared(_ request: Request) -> Request {
    var request = request
    request.prompt = loaded.defaults.prefixed(request.prompt, reworks: request.image != nil)
    if let encoding = loaded.defaults.encoding, request.encoding == nil { request.encoding = encoding }
    return request
  }

  /// One pass of the sampler and the decoder.
  ///
  /// - Parameter windows: cuts the latents where given; else the network sees them whole.
  func pass(
    _ request: Request, by conditioners: [any Conditioner], sampling: ResolvedSampling? = nil, windows: Windows? = nil,
    latentSize: Size? = nil
  ) throws -> Tensor {
    let sampling = sampling ?? self.sampling
    var conditioning = Conditioning()
    for conditioner in conditioners {
      try conditioning.combine(conditioner.condition(request, with: model, noise: &noise))
    }
    let factor = model.latentFactor
    let size = latentSize ?? Size(height: request.size.height / factor, width: request.size.width / factor)
    let each = windows?.count ?? 1
    let denoiser: any Denoiser =
      windows.map { WindowedDenoiser(model: model, windows: $0) { try self.tick() } } ?? model
    let before = done
    let latents = try sample(
      denoiser, conditioning, sampling.sampler, sampling.settings,
      shape: [1, model.latentChannels, size.height, size.width], noise: &noise
    ) { calls, total in
      planned = before + total * each
      done = before + calls * each
      try report("sampling")
    }
    try report("decoding")
    return try conditioning.compose.reduce(loaded.decode(latents)) { try $1($0) }
  }

  private func tick() throws {
    done += 1
    try report("sampling")
  }

  private func report(_ stage: String) throws {
    try progress(Progress(done: done, total: max(planned, done), stage: stage))
  }
}
