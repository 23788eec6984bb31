import Foundation

/// Where a single file's prediction type comes from. Keys cannot tell SD 2's two kinds apart.
struct PredictionSource {
  /// As scheduler configs spell it; nil leaves the family's.
  private(set) var prediction: String?
  private(set) var notes: [String] = []
  private let zeroTerminalSNR: Bool

  /// In this order: the user; a .yaml or scheduler config beside the file; the file's own words; SD 2 base's number of
  /// training steps; for SD 2, v with a note.
  init(_ file: TensorFile, _ hints: CheckpointHints, family: String) {
    zeroTerminalSNR = file.tensors["ztsnr"] != nil
    prediction = hints.prediction ?? Self.beside(file.path) ?? Self.inside(file)
    guard family == "sd2", prediction == nil else { return }
    if file.numbers["global_step"] == 875_000 {
      prediction = "epsilon"
    } else {
      prediction = "v_prediction"
      notes = ["\(file.path): SD 2, and nothing says what it predicts: v is taken; else give --prediction epsilon"]
    }
  }

  private static func inside(_ file: TensorFile) -> String? {
    if file.tensors["v_pred"] != nil { return "v_prediction" }
    switch file.metadata["modelspec.prediction_type"]?.lowercased() {
    case "v", "v_prediction", "v-prediction": return "v_prediction"
    case "epsilon", "eps": return "epsilon"
    default: return nil
    }
  }

  /// `MODEL.yaml` (CompVis' configs: `parameterization: "v"`), or a scheduler_config.json in the same folder.
  private static func beside(_ path: String) -> String? {
    let url = URL(fileURLWithPath: path)
    let yaml = url.deletingPathExtension().appendingPathExtension("yaml").path
    if let data = FileManager.default.contents(atPath: yaml) {
      let line = String(decoding: data.prefix(1 << 20), as: UTF8.self).split(whereSeparator: \.isNewline)
        .first { $0.contains("parameterization:") }
      return line?.split(separator: ":").last?.contains("v") == true ? "v_prediction" : "epsilon"
    }
    let config = url.deletingLastPathComponent().appendingPathComponent("scheduler_config.json").path
    guard FileManager.default.fileExists(atPath: config) else { return nil }
    return try? Config(at: config).optionalString("prediction_type")
  }

  /// SD 2 base, which predicts epsilon, was trained on 512 pixels, needs no f32 scores, and is sampled by PNDM.
  func apply(to configs: inout [String: Config]) {
    guard let prediction, let scheduler = configs["scheduler"] else { return }
    var changes: [String: JSONValue] = ["prediction_type": .string(prediction)]
    if zeroTerminalSNR {
      changes["rescale_betas_zero_snr"] = .bool(true)
      changes["timestep_spacing"] = .string("trailing")
    }
    configs["scheduler"] = scheduler.setting(changes)
    guard prediction == "epsilon", let unet = configs["unet"], (try? unet.optionalInteger("sample_size")) == 96 else {
      return
    }
    configs["unet"] = unet.setting(["sample_size": .number(64), "upcast_attention": .null])
    configs["scheduler"] = configs["scheduler"]?.setting(["_class_name": .string("PNDMScheduler")])
  }
}
