import Foundation
import LatentDiffusion
import Weights

extension Facts {
  /// A model folder: its tasks and parts, by their configs and the headers of their weights.
  mutating func addModel(_ path: String) throws {
    let defaults = try ModelDefaults(folder: path)
    guard Checkpoint.isModel(path) || Checkpoint.isPart(path) else {
      throw Failure(.badData, "no model here; expected a folder with model_index.json, ldm.json or unet/")
    }
    add("format", "model")
    for task in Job.Task.allCases {
      if let folder = defaults.tasks[task.rawValue] { add("task.\(task.rawValue)", folder) }
    }
    for folder in Set(defaults.tasks.values).sorted() {
      add("\(folder).native_size", try ModelDefaults(folder: "\(path)/\(folder)").nativeSize)
      try addParts(Checkpoint(at: "\(path)/\(folder)"), prefix: "\(folder).")
    }
    if defaults.tasks.isEmpty {
      add("native_size", defaults.nativeSize)
      try addParts(Checkpoint(at: path), prefix: "")
    }
  }

  /// A single file: its family and parts, or, where it is no model, its tensors.
  mutating func addFile(_ file: TensorFile) throws {
    do {
      let checkpoint = try Checkpoint(file)
      add("format", "model")
      add("layout", file.format.rawValue)
      add("family", checkpoint.family.map { "\($0.title) (\($0.name))" })
      try addParts(checkpoint, prefix: "")
      add("bytes", file.byteCount)
      if file.tensors.keys.contains(where: { $0.hasPrefix("model_ema.diffusion") }) {
        add("averaged", checkpoint.usesAverages ? "present, used" : "present, not used")
      }
      if !checkpoint.surplus.isEmpty { add("unknown_tensors", checkpoint.surplus.count) }
    } catch CheckpointError.family(_, let found) {
      addTensors(file)
      if file.tensors["latents"] == nil { add("note", found) }
    }
    for (key, value) in file.numbers.sorted(by: { $0.key < $1.key }) { add("number.\(key)", value) }
    for (key, value) in file.metadata.sorted(by: { $0.key < $1.key }) where !key.hasPrefix("ldm.") {
      add("metadata.\(key)", value)
    }
  }

  private mutating func addParts(_ checkpoint: Checkpoint, prefix: String) throws {
    add("\(prefix)class", try checkpoint.index?.optionalString("_class_name"))
    let modes = try checkpoint.modes
    if !modes.isEmpty { add("\(prefix)modes", .array(modes.map { JSON.string($0.rawValue) })) }
    var total = 0
    for part in checkpoint.parts where !part.hasSuffix("scheduler") && part != "safety_checker" {
      let config = try checkpoint.config(part)
      let kind = try config.optionalString("_class_name") ?? config.optionalStrings("architectures")?.first
      guard kind != nil || config.has("hidden_size"), let weights = try? checkpoint.weights(part) else { continue }
      add("\(prefix)\(part)", kind ?? "unknown")
      add("\(prefix)\(part).in_channels", try config.optionalInteger("in_channels"))
      add("\(prefix)\(part).parameters", weights.parameterCount)
      add("\(prefix)\(part).types", .array(weights.types.map { JSON.string($0.rawValue) }))
      total += weights.parameterCount
    }
    add("\(prefix)parameters", total)
    guard checkpoint.has("scheduler") else { return }
    let scheduler = try checkpoint.config("scheduler")
    add("\(prefix)scheduler", try scheduler.optionalString("_class_name"))
    add("\(prefix)prediction", try scheduler.optionalString("prediction_type"))
    for note in checkpoint.notes { add("\(prefix)note", note) }
  }

  private mutating func addTensors(_ file: TensorFile) {
    add("format", file.format.rawValue)
    add("tensors", file.tensors.count)
    add("parameters", file.tensors.values.reduce(0) { $0 + $1.count })
    add("bytes", file.tensors.values.reduce(0) { $0 + $1.byteCount })
    let types = Set(file.tensors.values.map(\.type.rawValue)).sorted()
    add("types", .array(types.map(JSON.string)))
    if let latents = file.tensors["latents"] { add("latents", .array(latents.shape.map(JSON.integer))) }
  }
}

extension Checkpoint {
  /// What the model can be asked for, by the channels that its UNet takes beside the latents.
  var modes: [Job.Task] {
    get throws {
      guard has("unet") else { return [] }
      let unet = try config("unet")
      let vae = try ["vae", "vqvae"].first(where: has).map { try config($0) }
      let latents = try vae?.integer("latent_channels", default: 4) ?? unet.integer("out_channels", default: 4)
      let input = try unet.integer("in_channels", default: 4)
      if try has("low_res_scheduler") || index?.optionalString("_class_name") == "LDMSuperResolutionPipeline" {
        return [.upscale]
      }
      let readsText = parts.contains { $0.hasPrefix("text_encoder") || $0 == "bert" }
      switch input - latents {
      case 0 where family?.name == "sdxl-refiner": return [.imageToImage]
      case 0 where !readsText: return [.textToImage]
      case latents + 1 where !readsText: return [.inpaint]
      case 0, latents + 1: return [.textToImage, .imageToImage, .inpaint]
      case 1: return [.imageToImage]
      case 3: return [.upscale]
      default: return []
      }
    }
  }
}
