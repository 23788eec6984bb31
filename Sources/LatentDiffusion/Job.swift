import Diffusion

/// One picture to make: the task, its request, and how to sample it. The CLI builds this; `Engine.run` makes the picture.
public struct Job: Sendable {
  public enum Task: String, Sendable, CaseIterable {
    case textToImage = "txt2img"
    case imageToImage = "img2img"
    case inpaint
    case upscale
  }

  public var task: Task
  /// Sizes here are the picture's own, in pixels: any size; the engine pads, cuts windows and crops back.
  public var request: Request
  /// The picture to work on, in place of `request.image`: read part by part.
  public var picture: Image?
  /// Bits a sample of the result where it is asked for as samples: 8 or 16.
  public var depth = 8
  public var sampling = Sampling()
  public var work = Work.auto
  /// Beside those of the task: plug-ins. They prepare the request, in order, and add to each pass of the sampler.
  public var conditioners: [any Conditioner] = []

  /// Whether the conditioners have prepared the request.
  private var isPrepared = false

  /// Called after each call of the network with a small picture `[1, 3, h, w]` of what it makes of the latents now; what it
  /// throws stops the run.
  public var preview: (@Sendable (Tensor) throws -> Void)?

  public init(_ task: Task, _ request: Request) {
    self.task = task
    self.request = request
  }

  /// With the request as its conditioners want it, which are asked once.
  func prepared(for model: any ConditioningModel) throws -> Job {
    guard !isPrepared, !conditioners.isEmpty else { return self }
    var job = self
    // Conditioners from elsewhere know pictures as floats.
    if let picture { (job.request.image, job.picture) = (picture.tensor(), nil) }
    for conditioner in conditioners { job.request = try conditioner.prepare(job.request, for: model) }
    job.isPrepared = true
    return job
  }
}

/// How photographs larger than the model are worked on (cli: `--work`).
public enum Work: Sendable, Equatable {
  /// inpaint: the masked region with context; img2img: one picture at native size, then windows; upscale: windows.
  case auto
  /// Resized to the model's native size, and the result resized back.
  case native
  /// One pass at the input's size.
  case input
  /// As `native`, with this length of the longer side.
  case pixels(Int)
}

/// Sampling options; nil leaves the choice to the model's `ldm.json`, its scheduler config, or the engine.
public struct Sampling: Sendable {
  public var steps: Int?
  /// A name of `Samplers.named`.
  public var sampler: String?
  public var schedule: String?
  public var spacing: Spacing?
  public var prediction: Prediction?
  public var guidance: Double?
  public var guidanceRescale: Double = 0
  /// The noise levels at which guidance is applied; nil: all.
  public var guidanceInterval: GuidanceInterval?
  /// What may be left out of the networks' work.
  public var approximation = Approximation()
  /// σ of the run given by hand, as `SamplerOptions.sigmas`; they decide the number of steps.
  public var sigmas: [Double]?
  public var eta: Double?
  public var seed: UInt64 = 0
  public var generator = Noise.Generator.torch
  /// Runs all `steps` whatever the strength (img2img, inpaint), instead of int(steps x strength).
  public var exactSteps = false

  public init() {}
}

/// Where a run stands.
public struct Progress: Sendable {
  /// Calls of the network done and to do, over all windows and stages.
  public var done: Int
  public var total: Int
  /// "sampling", "decoding", ...
  public var stage: String

  public init(done: Int, total: Int, stage: String) {
    self.done = done
    self.total = total
    self.stage = stage
  }
}
