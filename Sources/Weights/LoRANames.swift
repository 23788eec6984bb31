/// The names that LoRA files give to a layer.
enum LoRANames {
  /// - Parameters:
  ///   - layer: in diffusers' layout.
  ///   - part: "unet", "text_encoder", "text_encoder_2".
  static func candidates(_ layer: String, part: String) -> [String] {
    func kohya(_ prefix: String, _ name: String) -> String {
      prefix + name.split(separator: ".").joined(separator: "_")
    }
    guard part.hasPrefix("text_encoder") else {
      guard part == "unet" else { return [] }
      return [kohya("lora_unet_", layer), "unet.\(layer)", layer]
        + original(layer).map { kohya("lora_unet_", $0) }
    }
    let bare = layer.hasPrefix("text_model.") ? String(layer.dropFirst("text_model.".count)) : layer
    let full = "text_model.\(bare)"
    let prefixes = part == "text_encoder" ? ["lora_te_", "lora_te1_"] : ["lora_te2_"]
    return prefixes.map { kohya($0, full) } + ["\(part).\(full)", "\(part).\(bare)"]
  }

  /// The layer's name in the original layout (`input_blocks.4.1.…`), which kohya's scripts use for SDXL. Of UNets with two
  /// ResNet blocks a level, as all released ones have.
  private static func original(_ layer: String) -> [String] {
    let parts = layer.split(separator: ".").map(String.init)
    let perLevel = 2
    switch parts[0] {
    case "conv_in": return ["input_blocks.0.0"]
    case "conv_norm_out": return ["out.0"]
    case "conv_out": return ["out.2"]
    case "time_embedding": return [parts.last == "linear_1" ? "time_embed.0" : "time_embed.2"]
    case "add_embedding": return [parts.last == "linear_1" ? "label_emb.0.0" : "label_emb.0.2"]
    case "mid_block" where parts.count > 2:
      guard let index = Int(parts[2]) else { return [] }
      return [place("middle_block.\(parts[1] == "attentions" ? 1 : 2 * index)", parts[1], parts.dropFirst(3))]
    case "down_blocks" where parts.count > 4:
      guard let level = Int(parts[1]), let index = Int(parts[3]) else { return [] }
      if parts[2] == "downsamplers" { return ["input_blocks.\((level + 1) * (perLevel + 1)).0.op"] }
      let block = 1 + level * (perLevel + 1) + index
      return [place("input_blocks.\(block).\(parts[2] == "attentions" ? 1 : 0)", parts[2], parts.dropFirst(4))]
    case "up_blocks" where parts.count > 4:
      guard let level = Int(parts[1]), let index = Int(parts[3]) else { return [] }
      // Which place an upsampler has depends on whether attention stands before it.
      if parts[2] == "upsamplers" {
        let last = level * (perLevel + 1) + perLevel
        return ["output_blocks.\(last).1.conv", "output_blocks.\(last).2.conv"]
      }
      let block = level * (perLevel + 1) + index
      return [place("output_blocks.\(block).\(parts[2] == "attentions" ? 1 : 0)", parts[2], parts.dropFirst(4))]
    default: return []
    }
  }

  private static func place(_ block: String, _ kind: String, _ rest: ArraySlice<String>) -> String {
    guard kind == "resnets", let inner = rest.first else { return ([block] + rest).joined(separator: ".") }
    let names = [
      "norm1": "in_layers.0", "conv1": "in_layers.2", "norm2": "out_layers.0", "conv2": "out_layers.3",
      "time_emb_proj": "emb_layers.1", "conv_shortcut": "skip_connection",
    ]
    return "\(block).\(names[inner] ?? inner)"
  }
}
