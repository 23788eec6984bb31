/// What a UNet looks like by its tensors, in either naming: what the name map and the config both follow from.
struct UNetShape: Equatable {
  /// Levels of resolution, and ResNet blocks of each on the way down.
  var levels: Int
  var layers: Int
  /// Whether a level's blocks are followed by attention; by index from the full size down.
  var downAttends, upAttends: [Bool]

  /// By CompVis' names, `input_blocks.*` (Rombach et al. 2022, `openaimodel.py`): a convolution, then `layers` blocks a
  /// level, and a halving behind each but the last.
  init?(single names: TensorNames) {
    let blocks = names.numbers(below: "input_blocks.")
    let halvings = (0..<max(blocks, 1)).filter { names.has("input_blocks.\($0).0.op.weight") }.count
    guard blocks > 1, (blocks - 1 - halvings) % (halvings + 1) == 0 else { return nil }
    (levels, layers) = (halvings + 1, (blocks - 1 - halvings) / (halvings + 1))
    func attends(_ block: String) -> Bool { names.has("\(block).1.norm.weight") }
    let (perDown, perUp, count) = (layers + 1, layers + 1, levels)
    downAttends = (0..<count).map { attends("input_blocks.\(1 + $0 * perDown)") }
    upAttends = (0..<count).map { attends("output_blocks.\((count - 1 - $0) * perUp)") }
  }

  /// By diffusers' names.
  init?(folder names: TensorNames) {
    levels = names.count { "down_blocks.\($0).resnets.0.conv1.weight" }
    layers = names.count { "down_blocks.0.resnets.\($0).conv1.weight" }
    guard levels > 0, layers > 0 else { return nil }
    func attends(_ block: String) -> Bool {
      names.has("\(block).attentions.0.norm.weight") || names.has("\(block).attentions.0.group_norm.weight")
    }
    let count = levels
    downAttends = (0..<count).map { attends("down_blocks.\($0)") }
    upAttends = (0..<count).map { attends("up_blocks.\(count - 1 - $0)") }
  }
}

extension NameMap {
  /// CompVis' UNet ↔ diffusers' `UNet2DConditionModel`, or `UNet2DModel` where attention is of the older kind.
  ///
  /// - Parameters:
  ///   - prefix: of the single file's names, with its dot.
  ///   - conditional: attention is a transformer that reads a context.
  ///   - headWidth: channels of a head of the older attention.
  static func unet(
    _ shape: UNetShape, prefix: String, conditional: Bool, width: (Int) -> Int, headWidth: Int?
  ) -> NameMap {
    var map = NameMap(prefix)
    let leaf: KeyValuePairs = [
      "time_embed.0": "time_embedding.linear_1", "time_embed.2": "time_embedding.linear_2",
      "input_blocks.0.0": "conv_in", "out.0": "conv_norm_out", "out.2": "conv_out",
      "label_emb.0.0": "add_embedding.linear_1", "label_emb.0.2": "add_embedding.linear_2",
      "label_emb": "class_embedding",
    ]
    for (a, b) in leaf { map.add(prefix + a, b) }
    func block(_ single: String, _ folder: String, _ index: Int, attends: Bool, level: Int) {
      map.addResnet("\(prefix)\(single).0", "\(folder).resnets.\(index)")
      if attends {
        map.addAttention(
          "\(prefix)\(single).1", "\(folder).attentions.\(index)", conditional,
          heads: headWidth.map { width(level) / $0 })
      }
    }
    var place = 1
    for level in 0..<shape.levels {
      for index in 0..<shape.layers {
        block("input_blocks.\(place)", "down_blocks.\(level)", index, attends: shape.downAttends[level], level: level)
        place += 1
      }
      if level + 1 < shape.levels {
        map.add("\(prefix)input_blocks.\(place).0.op", "down_blocks.\(level).downsamplers.0.conv")
        place += 1
      }
    }
    let last = shape.levels - 1
    map.addResnet("\(prefix)middle_block.0", "mid_block.resnets.0")
    map.addAttention(
      "\(prefix)middle_block.1", "mid_block.attentions.0", conditional, heads: headWidth.map { width(last) / $0 })
    map.addResnet("\(prefix)middle_block.2", "mid_block.resnets.1")
    place = 0
    for up in 0..<shape.levels {
      let level = last - up
      for index in 0...shape.layers {
        block("output_blocks.\(place)", "up_blocks.\(up)", index, attends: shape.upAttends[level], level: level)
        if index == shape.layers, level > 0 {
          let at = shape.upAttends[level] ? 2 : 1
          map.add("\(prefix)output_blocks.\(place).\(at).conv", "up_blocks.\(up).upsamplers.0.conv")
        }
        place += 1
      }
    }
    return map
  }

  private mutating func addResnet(_ single: String, _ folder: String) {
    add(
      single, folder,
      [
        "in_layers.0": "norm1", "in_layers.2": "conv1", "emb_layers.1": "time_emb_proj", "out_layers.0": "norm2",
        "out_layers.3": "conv2", "skip_connection": "conv_shortcut",
      ])
  }

  /// Transformers have the same names below theirs in both; the older attention has one tensor for all three projections.
  private mutating func addAttention(_ single: String, _ folder: String, _ conditional: Bool, heads: Int?) {
    guard !conditional else { return add(single, folder) }
    add("\(single).norm", "\(folder).group_norm")
    add("\(single).qkv", ["\(folder).to_q", "\(folder).to_k", "\(folder).to_v"], .thirdsByHead(heads ?? 1))
    add("\(single).proj_out", "\(folder).to_out.0", .matrix)
  }
}
