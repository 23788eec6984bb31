import Foundation

/// Where a model's parts go in a single file, by diffusers' names and configs.
struct SingleFileLayout {
  private(set) var maps: [String: NameMap] = [:]
  /// What the file says of itself: Stability's modelspec, and what our own reader needs to get the same configs back.
  private(set) var metadata: [String: String] = [:]

  init(_ checkpoint: Checkpoint) throws {
    for part in checkpoint.parts where SingleFileParts.hasTensors(part) {
      guard SingleFileParts.isPart(part) || part == "class_embedder" else { continue }
      let names = TensorNames(try checkpoint.weights(part).all)
      maps[part] = try Self.map(part, names, checkpoint)
    }
    if maps["unet"] != nil { metadata["ldm.family"] = try Self.family(checkpoint, maps) }
    for part in checkpoint.parts where SingleFileParts.isPart(part) {
      metadata["ldm.config.\(part)"] = String(decoding: try checkpoint.config(part).json, as: UTF8.self)
    }
    for part in ["tokenizer", "tokenizer_2"] {
      guard let config = try? checkpoint.tokenizer(part).config else { continue }
      metadata["ldm.config.\(part)"] = String(decoding: config.json, as: UTF8.self)
    }
    metadata["format"] = "pt"
    if checkpoint.has("scheduler") {
      let prediction = try checkpoint.config("scheduler").string("prediction_type", default: "epsilon")
      metadata["modelspec.prediction_type"] = prediction == "v_prediction" ? "v" : prediction
    }
  }

  private static func map(_ part: String, _ names: TensorNames, _ checkpoint: Checkpoint) throws -> NameMap {
    let isXL = checkpoint.has("text_encoder_2")
    let config = try checkpoint.config(part)
    switch part {
    case "unet":
      guard let shape = UNetShape(folder: names) else { break }
      return .unet(shape, prefix: "model.diffusion_model.", heads: try SingleFileParts.pixelHeads(config))
    case "vae", "vqvae":
      guard let map = NameMap.autoencoder(folder: names, prefix: "first_stage_model.") else { break }
      return map
    case "text_encoder", "text_encoder_2":
      let layers = try config.integer("num_hidden_layers", default: 12)
      let isOpen = try part == "text_encoder_2" || config.string("hidden_act", default: "quick_gelu") == "gelu"
      if isOpen {
        let place = !isXL ? "cond_stage_model" : "conditioner.embedders.\(checkpoint.has("text_encoder") ? 1 : 0)"
        return .openCLIP(prefix: "\(place).model.", layers: layers, projects: names.has("text_projection.weight"))
      }
      return .clip(prefix: isXL ? "conditioner.embedders.0.transformer." : "cond_stage_model.transformer.")
    case "bert":
      return .bert(prefix: "cond_stage_model.transformer.", layers: names.numbers(below: "model.layers."))
    default:
      var map = NameMap("cond_stage_model.")
      map.add("cond_stage_model.embedding", "embedding")
      return map
    }
    throw ConversionError.noForm(part: part, file: checkpoint.path)
  }

  /// By the UNet's shapes, as it will be read again; where these are no public ones, by the pipeline's class.
  private static func family(_ checkpoint: Checkpoint, _ maps: [String: NameMap]) throws -> String {
    if let family = checkpoint.family { return family.name }
    func shapes(_ part: String, _ map: NameMap, below prefix: String) throws -> TensorNames {
      let named = try checkpoint.weights(part).shapes.compactMap { name, shape in
        map.singleName(name).map { (String($0.name.dropFirst(prefix.count)), shape) }
      }
      return TensorNames(shapes: Dictionary(named) { first, _ in first })
    }
    let tower = maps.keys.first { ["class_embedder", "bert"].contains($0) }
    let beside = try tower.map { try shapes($0, maps[$0]!, below: "") } ?? TensorNames(shapes: [:])
    let unet = try shapes("unet", maps["unet"]!, below: maps["unet"]!.prefix)
    if let name = try? Family.name(unet: unet, file: beside, path: checkpoint.path) { return name }
    return switch try checkpoint.index?.optionalString("_class_name") {
    case "StableDiffusionInpaintPipeline": "sd1-inpainting"
    case "StableDiffusionUpscalePipeline": "x4-upscaler"
    case "StableDiffusionXLPipeline": "sdxl"
    case "StableDiffusionXLImg2ImgPipeline": "sdxl-refiner"
    case "LDMPipeline": "ldm"
    case "LDMSuperResolutionPipeline": "ldm-sr"
    case "LDMInpaintPipeline": "ldm-inpainting"
    default: "sd1"
    }
  }
}

extension NameMap.Change {
  /// The values as a single file holds them, and the places of their pieces in the tensor that they become part of.
  func undone(on tensor: WeightTensor, place: Int) throws -> [(place: Int, tensor: WeightTensor)] {
    func convolution(_ ones: Int) -> WeightTensor {
      let isMatrix = tensor.shape.count == 2
      return isMatrix ? tensor.renamed(tensor.name, shape: tensor.shape + Array(repeating: 1, count: ones)) : tensor
    }
    switch self {
    case .none, .thirds: return [(place, tensor)]
    case .matrix: return [(place, convolution(2))]
    case .line: return [(place, convolution(1))]
    case .transposed: return [(place, tensor.transposed(named: tensor.name))]
    case .thirdsByHead(let heads):
      guard let rows = tensor.shape.first, rows % heads == 0 else {
        throw ConversionError.noForm(part: "attention", file: tensor.source)
      }
      let (whole, width) = (convolution(1), rows / heads)
      return (0..<heads).map { head in
        (3 * head + place, whole.rows((head * width)..<((head + 1) * width), named: tensor.name))
      }
    }
  }
}
