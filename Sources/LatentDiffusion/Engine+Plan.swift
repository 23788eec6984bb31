import Diffusion

/// What a job will be run with, nothing left open: for messages and metadata.
public struct Plan: Sendable, Equatable {
  public var model: String
  public var sampler: String
  public var steps: Int
  public var guidance: Double
  /// Noise level of super-resolution; nil for other tasks.
  public var noiseLevel: Int?
}

/// The facts of a model that a caller needs to make requests of it.
public struct TaskFacts: Sendable, Equatable {
  /// Side in pixels of the pictures the model was trained on.
  public var nativeSize: Int
  /// Pixels per latent along each axis; super-resolution enlarges by it.
  public var latentFactor: Int
  public var latentChannels: Int
  /// Side in pixels of the windows that larger pictures are cut into.
  public var windowSide: Int
  public var readsText: Bool
  /// What a user should know before relying on the task; nil where there is nothing to say.
  public var note: String?
}

extension Engine {
  /// Bytes that making the job's picture takes beside the weights: an estimate, on the high side.
  public func memory(for job: Job) throws -> Int {
    let loaded = try model(for: job.task, job.request.positive)
    let size = job.request.size
    // The picture as samples, as a file, and strips of it as floats; about a hole, which may be all over it, a dozen copies as
    // floats; where the network sees it whole, its maps.
    let perPixel = job.work == .input ? 512 : job.task == .inpaint ? 160 : 16
    // What conditioners from elsewhere encode is not known.
    let encodes = job.task == .imageToImage || job.task == .inpaint || !job.conditioners.isEmpty
    return loaded.activations(of: size, encodes: encodes) * 3 / 2 + perPixel * size.height * size.width + 64 << 20
  }

  /// Loads what the job's task needs, if it is not loaded yet.
  ///
  /// - Throws: `SamplerError` for options that no sampler can obey; what `prepare` throws.
  public func plan(_ job: Job) throws -> Plan {
    let loaded = try model(for: job.task, job.request.positive)
    let sampling = try loaded.resolved(job.sampling, task: job.task)
    return Plan(
      model: loaded.model.name, sampler: sampling.name, steps: sampling.settings.steps,
      guidance: sampling.settings.guidance,
      noiseLevel: job.task == .upscale && loaded.model.lowResolutionSchedule != nil
        ? job.request.noiseLevel ?? loaded.model.defaultNoiseLevel : nil)
  }

  /// Loads what `task` needs, if it is not loaded yet.
  ///
  /// - Parameter prompt: of the job to come, so that the LoRAs it names are loaded with the model; nil: any will do.
  public func facts(for task: Job.Task, prompt: Prompt? = nil) throws -> TaskFacts {
    let loaded = try model(for: task, prompt)
    return TaskFacts(
      nativeSize: loaded.nativeSize, latentFactor: loaded.model.latentFactor,
      latentChannels: loaded.model.latentChannels, windowSide: loaded.window * loaded.model.latentFactor,
      readsText: loaded.model.readsText, note: defaults.notes[task.rawValue] ?? loaded.defaults.notes[task.rawValue])
  }
}
