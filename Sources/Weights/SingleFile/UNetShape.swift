/// What a UNet looks like by its tensors, in either naming: what the name map and the config both follow from.
struct UNetShape: Equatable {
  /// Levels of resolution, and ResNet blocks of each on the way down.
  var levels: Int
  var layers: Int
  /// Whether a level's blocks are followed by attention; by index from the full size down.
  var downAttends, upAttends: [Bool]
  /// Whether ResNet blocks halve and double (`resblock_updown`), not convolutions.
  var resizesByResnets: Bool

  /// By CompVis' names, `input_blocks.*` (Rombach et al. 2022, `openaimodel.py`): a convolution, then `layers` blocks a
  /// level, and a halving behind each but the last.
  init?(single names: TensorNames) {
    let (blocks, ups) = (names.numbers(below: "input_blocks."), names.numbers(below: "output_blocks."))
    // A halving ResNet block looks as any other; a doubling one stands behind another.
    func doubling(_ name: String) -> Int {
      (0..<ups).filter { i in (1...2).contains { names.has("output_blocks.\(i).\($0).\(name).weight") } }.count
    }
    let resnets = doubling("in_layers.0")
    resizesByResnets = resnets > 0
    levels = max(resnets, doubling("conv")) + 1
    layers = ups / levels - 1
    guard layers > 0, ups % levels == 0, blocks == levels * (layers + 1) else { return nil }
    func attends(_ block: String) -> Bool { names.has("\(block).1.norm.weight") }
    let (perDown, perUp, count) = (layers + 1, layers + 1, levels)
    downAttends = (0..<count).map { attends("input_blocks.\(1 + $0 * perDown)") }
    upAttends = (0..<count).map { attends("output_blocks.\((count - 1 - $0) * perUp)") }
  }

  /// Whether time scales what ResNet blocks normalise, and shifts it (`use_scale_shift_norm`): two numbers a channel.
  static func timeScales(_ names: TensorNames) -> Bool {
    let channels = names["input_blocks.1.0.out_layers.3.weight"]?.first
    return channels != nil && names["input_blocks.1.0.emb_layers.1.weight"]?.first == channels.map { 2 * $0 }
  }

  /// By diffusers' names.
  init?(folder names: TensorNames) {
    levels = names.count { "down_blocks.\($0).resnets.0.conv1.weight" }
    layers = names.count { "down_blocks.0.resnets.\($0).conv1.weight" }
    resizesByResnets = names.has("down_blocks.0.downsamplers.0.conv1.weight")
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
  ///   - heads: of the older attention, by level; nil where attention is a transformer that reads a context.
  static func unet(_ shape: UNetShape, prefix: String, heads: [Int]? = nil) -> NameMap {
    var map = NameMap(prefix)
    let leaf: KeyValuePairs = [
      "time_embed.0": "time_embedding.linear_1", "time_embed.2": "time_embedding.linear_2",
      "time_embed.cond_proj": "time_embedding.cond_proj",
      "input_blocks.0.0": "conv_in", "out.0": "conv_norm_out", "out.2": "conv_out",
      "label_emb.0.0": "add_embedding.linear_1", "label_emb.0.2": "add_embedding.linear_2",
      "label_emb": "class_embedding",
    ]
    for (a, b) in leaf { map.add(prefix + a, b) }
    func block(_ single: String, _ folder: String, _ index: Int, attends: Bool, level: Int) {
      map.addResnet("\(prefix)\(single).0", "\(folder).resnets.\(index)")
      if attends {
        map.addAttention("\(prefix)\(single).1", "\(folder).attentions.\(index)", heads: heads?[level])
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
        map.addResnet("\(prefix)input_blocks.\(place).0", "down_blocks.\(level).downsamplers.0")
        place += 1
      }
    }
    let last = shape.levels - 1
    map.addResnet("\(prefix)middle_block.0", "mid_block.resnets.0")
    map.addAttention("\(prefix)middle_block.1", "mid_block.attentions.0", heads: heads?[last])
    map.addResnet("\(prefix)middle_block.2", "mid_block.resnets.1")
    place = 0
    for up in 0..<shape.levels {
      let level = last - up
      for index in 0...shape.layers {
        block("output_blocks.\(place)", "up_blocks.\(up)", index, attends: shape.upAttends[level], level: level)
        if index == shape.layers, level > 0 {
          let at = shape.upAttends[level] ? 2 : 1
          map.add("\(prefix)output_blocks.\(place).\(at).conv", "up_blocks.\(up).upsamplers.0.conv")
          map.addResnet("\(prefix)output_blocks.\(place).\(at)", "up_blocks.\(up).upsamplers.0")
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
  private mutating func addAttention(_ single: String, _ folder: String, heads: Int?) {
    guard let heads else { return add(single, folder) }
    add("\(single).norm", "\(folder).group_norm")
    add("\(single).qkv", ["\(folder).to_q", "\(folder).to_k", "\(folder).to_v"], .thirdsByHead(heads))
    add("\(single).proj_out", "\(folder).to_out.0", .line)
  }
}
