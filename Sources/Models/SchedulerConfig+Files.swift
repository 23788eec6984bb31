import Diffusion
import Foundation
import Weights

extension SchedulerConfig {
  /// Reads what a diffusers scheduler_config.json says.
  ///
  /// - Throws: `ConfigError.unreadable` naming the file and the key whose value has a wrong kind.
  public init(_ config: Config) throws(ConfigError) {
    do {
      self = try JSONDecoder().decode(SchedulerConfig.self, from: config.json)
      className = className.map(Self.withoutFlax)
    } catch DecodingError.typeMismatch(let type, let context) {
      let key = context.codingPath.map(\.stringValue).joined(separator: ".")
      throw .unreadable(file: config.path, why: "\(key) is not of type \(type)")
    } catch {
      throw .unreadable(file: config.path, why: "\(error)")
    }
  }

  /// As diffusers reads names of classes beside weights of PyTorch.
  private static func withoutFlax(_ name: String) -> String {
    name.hasPrefix("Flax") ? String(name.dropFirst(4)) : name
  }

  /// As diffusers' Stable Diffusion 1 and 2 pipelines repair configs of their first days: steps begin at 1, and latents are not
  /// clipped as pixels would be (for inpainting diffusers forgets that).
  ///
  /// - Parameter pipeline: what the model's index names.
  package func repaired(for pipeline: String?) -> SchedulerConfig {
    let pipelines = ["", "Img2Img", "Inpaint"].map { "StableDiffusion\($0)Pipeline" }
    guard let pipeline, pipelines.contains(Self.withoutFlax(pipeline)) else { return self }
    var result = self
    result.stepsOffset = 1
    let clipsByDefault = ["DDIMScheduler", "DDPMScheduler"].contains(className)
    if clipSample ?? clipsByDefault { result.clipSample = false }
    return result
  }
}
