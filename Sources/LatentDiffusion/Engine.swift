import CKernels
import Diffusion
import Foundation
import Models
import Synchronization
import Weights

/// A model, folder or single file, and the tasks it can do. Parts are loaded when a task first needs them, once.
///
/// Calls run on the caller's thread, several at a time where several threads call: the kernels' thread team belongs to the
/// thread that first used it, and `setThreads` says how large those of other threads will be. Loading is done once, by one.
public final class Engine: Sendable {
  public let path: String
  public let defaults: ModelDefaults
  private let vae: String?
  private let refiner: (path: String, share: Double)?
  private let previewer: String?
  let loras: [LoRA]
  let inversions: [TextualInversion]
  let findLoRA: @Sendable (String) throws -> String
  private let hints: CheckpointHints
  let policy: KernelPolicy
  private let tiling: Tiling
  /// Of adapters, by file.
  let hashes = Mutex<[String: String]>([:])
  /// By folder; each with the LoRAs that the prompt it was loaded for named.
  private let loaded = Mutex<[String: (tags: [LoRATag], model: LoadedModel)]>([:])

  /// - Parameters:
  ///   - path: a folder in diffusers' layout, one whose `ldm.json` names a folder for each task, or a single file.
  ///   - vae: an autoencoder, file or folder, to use in place of the model's own.
  ///   - refiner: a model that takes over for a share of the steps, 0...1, the last of them.
  ///   - previewer: an autoencoder, file or folder, that decodes previews; nil: the model's own.
  ///   - loras: adaptations to merge into the weights of whatever is loaded.
  ///   - inversions: words for the text encoders of whatever is loaded.
  ///   - findLoRA: the file of a LoRA that a prompt names.
  ///   - hints: what a single file may leave open.
  ///   - cache: where packed weights are kept; nil: nowhere.
  ///   - threads: of the kernels; nil leaves it to the affinity mask and `OMP_NUM_THREADS`.
  /// - Precondition: a refiner's share is 0 to 1.
  /// - Throws: `CheckpointError.noModel` where nothing is there, `ConfigError` for a bad `ldm.json`; the rest is checked when
  ///   a task first loads it.
  public init(
    modelAt path: String, autoencoderAt vae: String? = nil, loras: [LoRA] = [], inversions: [TextualInversion] = [],
    findLoRA: @escaping @Sendable (String) throws -> String = {
      throw ConditioningError.missing(
        what: "a file for the LoRA \($0)", by: "the prompt")
    },
    refinerAt refiner: (path: String, share: Double)? = nil,
    previewAt previewer: String? = nil, hints: CheckpointHints = CheckpointHints(), precision: Precision = .auto,
    threads: Int? = nil, cache: PackCache? = nil, tiling: Tiling = .auto
  ) throws {
    guard Checkpoint.isModel(path) else { throw CheckpointError.noModel(path: path) }
    if let refiner {
      guard Checkpoint.isModel(refiner.path) else { throw CheckpointError.noModel(path: refiner.path) }
      precondition((0...1).contains(refiner.share), "a refiner's share of \(refiner.share)")
    }
    (self.path, self.vae, self.loras, self.hints) = (path, vae, loras, hints)
    (self.inversions, self.findLoRA) = (inversions, findLoRA)
    (self.refiner, self.previewer) = (refiner, previewer)
    defaults = try ModelDefaults(folder: path)
    (policy, self.tiling) = (KernelPolicy(precision: precision, cache: cache), tiling)
    if let threads { ldm_set_threads(Int32(threads)) }
  }

  /// Where packed weights are kept.
  public var cache: PackCache? { policy.cache }

  /// Loads what `task` needs, if it is not loaded yet.
  public func prepare(_ task: Job.Task) throws { _ = try model(for: task) }

  /// The tasks that its folder names; for any other model one of them, as all load the same.
  public var tasks: [Job.Task] {
    let named = Job.Task.allCases.filter { defaults.tasks[$0.rawValue] != nil }
    return named.isEmpty ? [.textToImage] : named
  }

  /// Names of tensors that the loaded files hold and nothing reads.
  public var surplus: [String] { loaded.withLock { $0.values.flatMap(\.model.model.surplus) } }

  /// What a user should know of the LoRAs: layers that the loaded models do not have, and what they leave alone.
  public var warnings: [String] {
    loaded.withLock { loaded in
      let changes = !loras.isEmpty || loaded.values.contains { !$0.tags.isEmpty }
      let left = refiner.map { "\($0.path): LoRAs change the base model alone, not the refiner" }
      return loaded.values.flatMap(\.model.model.warnings) + (changes ? [left].compactMap { $0 } : [])
    }
  }

  /// What a user should know of guesses that were made of the loaded files.
  public var notes: [String] { loaded.withLock { $0.values.flatMap(\.model.notes) } }

  /// The job as its conditioners want it, for callers that need its mask or size; its picture is made of it as it is.
  public func prepared(_ job: Job) throws -> Job {
    try job.prepared(for: model(for: job.task, job.request.positive).model)
  }

  /// The picture `[1, 3, H, W]`, about -1...1 and not clamped. `progress` is called after each call of the network on each window; what it
  /// throws stops the run and passes through.
  public func run(_ job: Job, progress: (Progress) throws -> Void = { _ in }) throws -> Tensor {
    try withoutActuallyEscaping(progress) { progress in
      let model = try model(for: job.task, job.request.positive)
      return try Run(job, on: model, givesSamples: false, progress: progress).picture().tensor
    }
  }

  /// Pixels from which on a picture's own memory counts more than the time to get freed blocks back.
  private static let largePicture = 32 << 20

  /// The picture as samples of `job.depth` bits, without alpha or metadata. Large ones never exist as floats: 100
  /// megapixels of 8 bits are 300 MB, of floats 1.2 GB.
  public func picture(_ job: Job, progress: (Progress) throws -> Void = { _ in }) throws -> Image {
    try withoutActuallyEscaping(progress) { progress in
      let model = try model(for: job.task, job.request.positive)
      let picture = try Run(job, on: model, givesSamples: true, progress: progress).picture()
      // What was kept for the next call would stand beside the picture while it is encoded.
      if picture.size.height * picture.size.width > Self.largePicture { ldm_trim() }
      switch picture {
      case .samples(let image):
        // Of inpainting it is the input itself, repainted.
        var result = image.at(depth: job.depth).with(alpha: nil)
        result.metadata = ImageMetadata()
        return result
      case .floats(let tensor): return Image(tensor: tensor, depth: job.depth)
      }
    }
  }

  /// Picture `[1, 3, H, W]` → latents `[1, C, h, w]`, by the mean; any size (padded by reflection to the factor).
  public func encode(_ picture: Tensor) throws -> Tensor {
    var none = Noise(seed: 0)
    let loaded = try model(for: .imageToImage)
    return try loaded.encode(loaded.padded(picture), .mean, noise: &none)
  }

  /// Latents `[1, C, h, w]` → picture.
  public func decode(_ latents: Tensor) throws -> Tensor {
    let loaded = try model(for: .imageToImage)
    guard latents.shape.count == 4, latents.shape[1] == loaded.model.latentChannels else {
      throw ConditioningError.shape(
        what: "the latents", found: latents.shape, expected: [1, loaded.model.latentChannels, 0, 0])
    }
    return try loaded.decode(latents)
  }

  /// - Parameter prompt: whose LoRAs are to be merged in beside the engine's own. nil: whatever is loaded will do.
  func model(for task: Job.Task, _ prompt: Prompt? = nil) throws -> LoadedModel {
    let folder = defaults.tasks[task.rawValue].map { "\(path)/\($0)" } ?? path
    let tags = try prompt?.loraTags()
    return try loaded.withLock { loaded in
      if let held = loaded[folder], tags == nil || tags == held.tags { return held.model }
      let tags = tags ?? []
      let named = try tags.map { try LoRA(at: findLoRA($0.name), strength: $0.unet, textStrength: $0.text) }
      // Two models at a time may be more than memory holds.
      loaded[folder] = nil
      var model = try LoadedModel(
        at: folder, autoencoderAt: vae, loras: loras + named, inversions: inversions, hints: hints, policy: policy,
        tiling: tiling)
      model.refiner = try refiner.map {
        try Refiner(at: $0.path, share: $0.share, for: model.model, inversions: inversions, policy: policy)
      }
      model.previewer = try previewer.map {
        try loadAutoencoder(Checkpoint(at: $0), for: Checkpoint(at: folder, hints: hints), policy: policy)
      }
      loaded[folder] = (tags, model)
      return model
    }
  }
}
