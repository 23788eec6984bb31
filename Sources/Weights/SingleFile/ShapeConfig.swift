/// What shapes tell of a part, as diffusers' config says it; heads, schedules and factors come from the family.
enum ShapeConfig {
  /// - Parameter names: CompVis', without prefix.
  static func unet(_ names: TensorNames, _ shape: UNetShape, like family: Config) -> [String: JSONValue] {
    var result: [String: JSONValue] = [:]
    let downs = (0..<shape.levels).map { "input_blocks.\(1 + $0 * (shape.layers + 1))" }
    let ups = (0..<shape.levels).map { "output_blocks.\($0 * (shape.layers + 1))" }
    let channels = downs.map { names["\($0).0.out_layers.3.weight"]?[safe: 0] ?? 0 }
    result["block_out_channels"] = list(channels)
    result["layers_per_block"] = number(shape.layers)
    result["in_channels"] = names["input_blocks.0.0.weight"]?[safe: 1].map(number)
    result["out_channels"] = names["out.2.weight"]?[safe: 0].map(number)
    result["num_class_embeds"] = names["label_emb.weight"]?[safe: 0].map(number)
    result["projection_class_embeddings_input_dim"] = names["label_emb.0.0.weight"]?[safe: 1].map(number)
    let kind = names.shapes.keys.contains { $0.hasSuffix(".qkv.weight") } ? "Attn" : "CrossAttn"
    let plain =
      shape.resizesByResnets ? ("ResnetDownsampleBlock2D", "ResnetUpsampleBlock2D") : ("DownBlock2D", "UpBlock2D")
    result["down_block_types"] = .list(shape.downAttends.map { .string($0 ? "\(kind)DownBlock2D" : plain.0) })
    result["up_block_types"] = .list(shape.upAttends.reversed().map { .string($0 ? "\(kind)UpBlock2D" : plain.1) })
    if shape.resizesByResnets {
      (result["downsample_type"], result["upsample_type"]) = (.string("resnet"), .string("resnet"))
    }
    if UNetShape.timeScales(names) { result["resnet_time_scale_shift"] = .string("scale_shift") }
    result["time_cond_proj_dim"] = names["time_embed.cond_proj.weight"]?[safe: 1].map(number)
    guard kind == "CrossAttn", shape.downAttends.contains(true) else { return result }
    func context(_ block: String) -> Int? { names["\(block).1.transformer_blocks.0.attn2.to_k.weight"]?[safe: 1] }
    result["cross_attention_dim"] = (downs + ["middle_block"]).lazy.compactMap(context).first.map(number)
    let projection = zip(downs, shape.downAttends).first { $0.1 }.flatMap { names["\($0.0).1.proj_in.weight"] }
    if projection?.count == 2 { result["use_linear_projection"] = .bool(true) }
    let usual = try? family.boolOrList("only_cross_attention", count: shape.levels, default: false)
    let onlyCross = downs.indices.map { i in
      names["\(downs[i]).1.transformer_blocks.0.attn1.to_k.weight"]?[safe: 1].map { $0 != channels[i] }
        ?? usual?[i] ?? false
    }
    if onlyCross.contains(true) { result["only_cross_attention"] = .list(onlyCross.map(JSONValue.bool)) }
    if let heads = try? family.integerOrList("attention_head_dim", count: shape.levels, default: 8),
      case .list = family.values["attention_head_dim"], let first = heads.first, first > 0,
      let width = (try? family.integers("block_out_channels").first).map({ $0 / first }), width > 0
    {
      result["attention_head_dim"] = list(channels.map { max($0 / width, 1) })
    }
    result.merge(depths(names, shape, downs, ups)) { $1 }
    if !names.has("middle_block.1.norm.weight") { result["mid_block_type"] = .string("UNetMidBlock2D") }
    return result
  }

  /// Transformer blocks at each level: one number where all agree.
  private static func depths(
    _ names: TensorNames, _ shape: UNetShape, _ downs: [String], _ ups: [String]
  ) -> [String: JSONValue] {
    func depth(_ block: String) -> Int { names.count { "\(block).1.transformer_blocks.\($0).norm1.weight" } }
    let (down, middle, up) = (downs.map(depth), depth("middle_block"), ups.map(depth))
    if Set((down + [middle] + up).filter { $0 > 0 }).count <= 1 {
      return middle > 1 ? ["transformer_layers_per_block": number(middle)] : [:]
    }
    // The middle goes by the last level's number, whether that attends or not.
    var levels = down.map { max($0, 1) }
    if down.last == 0, middle > 0 { levels[levels.count - 1] = middle }
    var result = ["transformer_layers_per_block": list(levels)]
    let mirrored = zip(up, levels.reversed()).allSatisfy { $0 == 0 || $0 == $1 }
    if !mirrored { result["reverse_transformer_layers_per_block"] = list(up.map { max($0, 1) }) }
    return result
  }

  /// - Parameter names: CompVis', without prefix.
  static func autoencoder(_ names: TensorNames) -> [String: JSONValue] {
    let levels = autoencoderLevels(names)
    var result: [String: JSONValue] = [:]
    let attends = (0..<levels).map { names.has("encoder.down.\($0).attn.0.norm.weight") }
    result["block_out_channels"] = list(
      (0..<levels).map { level in
        (names["encoder.down.\(level).block.0.conv2.weight"] ?? names["decoder.up.\(level).block.0.conv2.weight"])?[
          safe: 0] ?? 0
      })
    result["down_block_types"] = .list(attends.map { .string(($0 ? "Attn" : "") + "DownEncoderBlock2D") })
    result["up_block_types"] = .list(attends.reversed().map { .string(($0 ? "Attn" : "") + "UpDecoderBlock2D") })
    result["layers_per_block"] = number(autoencoderLayers(names))
    result["in_channels"] = names["encoder.conv_in.weight"]?[safe: 1].map(number)
    result["out_channels"] = names["decoder.conv_out.weight"]?[safe: 0].map(number)
    result["latent_channels"] = names["decoder.conv_in.weight"]?[safe: 1].map(number)
    result["num_vq_embeddings"] = names["quantize.embedding.weight"]?[safe: 0].map(number)
    result["vq_embed_dim"] = names["quantize.embedding.weight"]?[safe: 1].map(number)
    if !names.has("quant_conv.weight") { result["use_quant_conv"] = .bool(false) }
    if !names.has("post_quant_conv.weight") { result["use_post_quant_conv"] = .bool(false) }
    if !names.has("decoder.mid.attn_1.norm.weight") { result["mid_block_add_attention"] = .bool(false) }
    return result
  }

  static func autoencoderLevels(_ names: TensorNames) -> Int {
    max(names.numbers(below: "encoder.down."), names.numbers(below: "decoder.up."))
  }

  static func autoencoderLayers(_ names: TensorNames) -> Int {
    max(names.numbers(below: "encoder.down.0.block."), names.numbers(below: "decoder.up.0.block.") - 1)
  }

  /// - Parameter names: transformers', without prefix.
  static func text(_ names: TensorNames) -> [String: JSONValue] {
    var result: [String: JSONValue] = [:]
    let layers = names.count { "text_model.encoder.layers.\($0).layer_norm1.weight" }
    if let table = names["text_model.embeddings.token_embedding.weight"], table.count == 2 {
      (result["vocab_size"], result["hidden_size"]) = (number(table[0]), number(table[1]))
      result["num_attention_heads"] = number(max(table[1] / 64, 1))
    }
    result["num_hidden_layers"] = number(layers)
    result["max_position_embeddings"] = names["text_model.embeddings.position_embedding.weight"]?[safe: 0].map(number)
    result["intermediate_size"] = names["text_model.encoder.layers.0.mlp.fc1.weight"]?[safe: 0].map(number)
    result["projection_dim"] = names["text_projection.weight"]?[safe: 0].map(number)
    return result
  }

  private static func number(_ value: Int) -> JSONValue { .number(Double(value)) }
  private static func list(_ values: [Int]) -> JSONValue { .list(values.map(number)) }
}
