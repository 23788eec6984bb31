import CKernels
import Diffusion
import Foundation
import Layers
import Models

/// Seconds of a model's parts at one size.
public struct PartTimes: Sendable {
  /// One part: the median over runs, after one that is not counted.
  public struct Part: Sendable {
    /// `load` (once, from the files to a model that can run), `text_encoder`, `unet_step`, `vae_encode`, `vae_decode`.
    public var name: String
    public var seconds: Double
    /// Multiply-adds twice over, as direct algorithms count them, per nanosecond; nil for what does not multiply.
    public var gflops: Double?
  }

  public var size: Size
  public var threads: Int
  public var cpu: String
  public var parts: [Part]
  /// Rows of the UNet's step: 2 is a guided step.
  public var rows: Int
  /// What the machine reaches in one product that stays in its caches. Parts may exceed it: Winograd's convolutions take
  /// fewer products than are counted.
  public var peakGFLOPS: Double
  /// Largest resident memory of the process so far, in bytes.
  public var peakBytes: Int
}

extension Engine {
  /// Times the parts that serve `task` on pictures of `size`, a multiple of the latent factor.
  ///
  /// - Throws: what `prepare` throws; what `progress` throws, called before each part.
  public func times(
    of task: Job.Task, size: Size?, runs: Int, progress: (String) throws -> Void = { _ in }
  ) throws -> PartTimes {
    try progress("load")
    let (load, loaded) = try Stopwatch.seconds { try model(for: task) }
    var stopwatch = Stopwatch(runs: runs)
    stopwatch.parts = [PartTimes.Part(name: "load", seconds: load)]
    let network = loaded.model
    let size = Size(
      height: loaded.roundedUp(size?.height ?? loaded.nativeSize),
      width: loaded.roundedUp(size?.width ?? loaded.nativeSize))
    let (h, w) = (size.height / network.latentFactor, size.width / network.latentFactor)
    let input = try Self.step(of: network, h, w)
    var noise = Noise(seed: 1)
    if network.readsText {
      try progress("text_encoder")
      try stopwatch.time("text_encoder") { _ = try network.encode(text: "a photo of a cat") }
    }
    try progress("unet_step")
    try stopwatch.time("unet_step") { _ = try network.predict(input) }
    try progress("vae_encode")
    let picture = noise([1, 3, size.height, size.width]).clamped(to: -1...1)
    stopwatch.time("vae_encode") { _ = network.encode(picture, .mean, noise: &noise) }
    try progress("vae_decode")
    let latents = noise([1, network.latentChannels, h, w])
    stopwatch.time("vae_decode") { _ = network.decode(latents) }
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return PartTimes(
      size: size, threads: Int(ldm_threads()), cpu: String(cString: ldm_cpu_name()), parts: stopwatch.parts,
      rows: input.latents.shape[0], peakGFLOPS: Stopwatch.peak(policy), peakBytes: usage.ru_maxrss << 10)
  }

  /// A guided step midway through sampling: both rows see the same latents.
  private static func step(of network: Model, _ h: Int, _ w: Int) throws -> DenoiserInput {
    let rows = network.readsText ? 2 : 1
    let context = network.readsText ? try network.encode(text: "a photo of a cat") : nil
    var noise = Noise(seed: 2)
    var input = DenoiserInput(
      latents: noise([1, network.inputChannels, h, w]).repeated(rows), timestep: 500,
      context: context?.tokens.repeated(rows),
      label: network.maximumNoiseLevel.map { .index(min(network.defaultNoiseLevel, $0)) })
    input.pooled = context?.pooled?.repeated(rows)
    input.micro = network.microConditioning.map { Array(repeating: Array(repeating: 0, count: $0.count), count: rows) }
    if network.embedsGuidance { input.guidance = 7.5 }
    return input
  }
}
