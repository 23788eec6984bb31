import CKernels
import Diffusion
import Foundation
import Models

/// Seconds of a model's parts at one size: medians over runs, after one that is not counted.
public struct PartTimes: Sendable {
  public var size: Size
  public var threads: Int
  public var cpu: String
  /// From the files to a model that can run; once.
  public var load: Double
  /// nil for a model that reads no text.
  public var textEncoder: Double?
  /// One call of the UNet on `rows` rows: 2 is a guided step.
  public var unetStep: Double
  public var rows: Int
  public var vaeEncode: Double
  public var vaeDecode: Double
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
    var loaded: LoadedModel?
    let load = try Self.seconds { loaded = try model(for: task) }
    let network = loaded!.model
    let native = loaded!.nativeSize
    let size = Size(
      height: loaded!.roundedUp(size?.height ?? native), width: loaded!.roundedUp(size?.width ?? native))
    func median(_ part: String, _ body: () throws -> Void) throws -> Double {
      try progress(part)
      try body()
      let times = try (0..<max(runs, 1)).map { _ in try Self.seconds(body) }.sorted()
      return times[times.count / 2]
    }
    var noise = Noise(seed: 1)
    let (h, w) = (size.height / network.latentFactor, size.width / network.latentFactor)
    let context = network.readsText ? try network.encode(text: "a photo of a cat") : nil
    let text = network.readsText ? try median("text encoder") { _ = try network.encode(text: "a photo of a cat") } : nil
    let rows = network.readsText ? 2 : 1
    var input = DenoiserInput(
      latents: noise([rows, network.inputChannels, h, w]), timestep: 500, context: context?.tokens.repeated(rows),
      label: network.maximumNoiseLevel.map { .index(min(network.defaultNoiseLevel, $0)) })
    input.pooled = context?.pooled?.repeated(rows)
    input.micro = network.microConditioning.map { Array(repeating: Array(repeating: 0, count: $0.count), count: rows) }
    if network.embedsGuidance { input.guidance = 7.5 }
    let step = try median("unet step") { _ = try network.predict(input) }
    let picture = noise([1, 3, size.height, size.width]).clamped(to: -1...1)
    let encode = try median("vae encode") { _ = network.encode(picture, .mean, noise: &noise) }
    let latents = noise([1, network.latentChannels, h, w])
    let decode = try median("vae decode") { _ = network.decode(latents) }
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return PartTimes(
      size: size, threads: Int(ldm_threads()), cpu: String(cString: ldm_cpu_name()), load: load, textEncoder: text,
      unetStep: step, rows: rows, vaeEncode: encode, vaeDecode: decode, peakBytes: usage.ru_maxrss << 10)
  }

  private static func seconds(_ body: () throws -> Void) rethrows -> Double {
    let duration = try ContinuousClock().measure(body)
    return Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
  }
}
