import Foundation
import LatentDiffusion
import Weights

extension Facts {
  /// A model folder: its tasks and parts, by their configs and the headers of their weights.
  mutating func addModel(_ path: String) throws {
    let defaults = try ModelDefaults(folder: path)
    let isModel = ["model_index.json", "unet/config.json"].contains {
      FileManager.default.fileExists(atPath: "\(path)/\($0)")
    }
    guard isModel || !defaults.tasks.isEmpty else {
      throw Failure(.badData, "no model here; expected a folder with model_index.json, ldm.json or unet/")
    }
    add("format", "model")
    for task in Job.Task.allCases {
      if let folder = defaults.tasks[task.rawValue] { add("task.\(task.rawValue)", folder) }
    }
    for folder in Set(defaults.tasks.values).sorted() { try addParts("\(path)/\(folder)", prefix: "\(folder).") }
    if defaults.tasks.isEmpty { try addParts(path, prefix: "") }
  }

  private mutating func addParts(_ path: String, prefix: String) throws {
    let index = "\(path)/model_index.json"
    if FileManager.default.fileExists(atPath: index) {
      add("\(prefix)class", try Config(at: index).optionalString("_class_name"))
    }
    let defaults = try ModelDefaults(folder: path)
    add("\(prefix)native_size", defaults.nativeSize)
    for part in ["unet", "vae", "text_encoder"] {
      let folder = "\(path)/\(part)"
      guard FileManager.default.fileExists(atPath: "\(folder)/config.json") else { continue }
      let config = try Config(at: "\(folder)/config.json")
      let kind = try config.optionalString("_class_name") ?? config.optionalStrings("architectures")?.first
      add("\(prefix)\(part)", kind ?? "unknown")
      if part != "text_encoder" { add("\(prefix)\(part).in_channels", try config.optionalInteger("in_channels")) }
      add("\(prefix)\(part).parameters", try Weights(componentAt: folder).parameterCount)
    }
    let scheduler = "\(path)/scheduler/scheduler_config.json"
    if FileManager.default.fileExists(atPath: scheduler) {
      let config = try Config(at: scheduler)
      add("\(prefix)scheduler", try config.optionalString("_class_name"))
      add("\(prefix)prediction", try config.optionalString("prediction_type"))
    }
  }
}
