extension NameMap {
  /// CompVis' autoencoder, with KL or VQ in the middle ↔ diffusers' `AutoencoderKL`, `VQModel`.
  ///
  /// - Parameters:
  ///   - prefix: of the single file's names, with its dot.
  ///   - layers: ResNet blocks of an encoder's level; a decoder's has one more.
  static func autoencoder(levels: Int, layers: Int, prefix: String) -> NameMap {
    var map = NameMap(prefix)
    for name in ["quant_conv", "post_quant_conv", "quantize"] { map.add(prefix + name, name) }
    for side in ["encoder", "decoder"] {
      let (a, b) = (prefix + side, side)
      map.add("\(a).conv_in", "\(b).conv_in")
      map.add("\(a).norm_out", "\(b).conv_norm_out")
      map.add("\(a).conv_out", "\(b).conv_out")
      map.addResnet(vae: "\(a).mid.block_1", "\(b).mid_block.resnets.0")
      map.addResnet(vae: "\(a).mid.block_2", "\(b).mid_block.resnets.1")
      map.addAttention(vae: "\(a).mid.attn_1", "\(b).mid_block.attentions.0")
    }
    for level in 0..<levels {
      let (down, up) = ("\(prefix)encoder.down.\(level)", "\(prefix)decoder.up.\(level)")
      let (downBlock, upBlock) = ("encoder.down_blocks.\(level)", "decoder.up_blocks.\(levels - 1 - level)")
      for index in 0..<layers {
        map.addResnet(vae: "\(down).block.\(index)", "\(downBlock).resnets.\(index)")
        map.addAttention(vae: "\(down).attn.\(index)", "\(downBlock).attentions.\(index)")
      }
      for index in 0...layers {
        map.addResnet(vae: "\(up).block.\(index)", "\(upBlock).resnets.\(index)")
        map.addAttention(vae: "\(up).attn.\(index)", "\(upBlock).attentions.\(index)")
      }
      map.add("\(down).downsample.conv", "\(downBlock).downsamplers.0.conv")
      map.add("\(up).upsample.conv", "\(upBlock).upsamplers.0.conv")
    }
    return map
  }

  /// The same, by the names that a folder's autoencoder has; nil where its halves have other levels, which single files do not
  /// know.
  static func autoencoder(folder names: TensorNames, prefix: String) -> NameMap? {
    let levels = names.count { "decoder.up_blocks.\($0).resnets.0.conv1.weight" }
    let layers = names.count { "decoder.up_blocks.0.resnets.\($0).conv1.weight" } - 1
    let down = names.count { "encoder.down_blocks.\($0).resnets.0.conv1.weight" }
    return levels > 0 && (down == 0 || down == levels)
      ? .autoencoder(levels: levels, layers: layers, prefix: prefix) : nil
  }

  private mutating func addResnet(vae single: String, _ folder: String) {
    add(
      single, folder,
      ["norm1": "norm1", "conv1": "conv1", "norm2": "norm2", "conv2": "conv2", "nin_shortcut": "conv_shortcut"])
  }

  private mutating func addAttention(vae single: String, _ folder: String) {
    // diffusers' older names first, so that the newer ones are what a single file's become.
    for (a, old, new) in [("q", "query", "to_q"), ("k", "key", "to_k"), ("v", "value", "to_v")] {
      add("\(single).\(a)", "\(folder).\(old)", .matrix)
      add("\(single).\(a)", "\(folder).\(new)", .matrix)
    }
    add("\(single).proj_out", "\(folder).proj_attn", .matrix)
    add("\(single).proj_out", "\(folder).to_out.0", .matrix)
    add("\(single).norm", "\(folder).group_norm")
  }

  /// Hugging Face's CLIP text tower: the same names.
  static func clip(prefix: String) -> NameMap {
    var map = NameMap(prefix)
    map.add("\(prefix)text_model", "text_model")
    map.add("\(prefix)text_projection", "text_projection")
    return map
  }

  /// OpenCLIP's text tower ↔ transformers' `CLIPTextModel`; layers from `layers` on are left out, as SD 2 does with its
  /// last.
  static func openCLIP(prefix: String, layers: Int, projects: Bool) -> NameMap {
    var map = NameMap(prefix)
    map.add("\(prefix)positional_embedding", "text_model.embeddings.position_embedding.weight")
    map.add("\(prefix)token_embedding", "text_model.embeddings.token_embedding")
    map.add("\(prefix)ln_final", "text_model.final_layer_norm")
    if projects { map.add("\(prefix)text_projection", "text_projection.weight", .transposed) }
    for layer in 0..<layers {
      let (a, b) = ("\(prefix)transformer.resblocks.\(layer)", "text_model.encoder.layers.\(layer)")
      map.add(
        a, b,
        [
          "ln_1": "layer_norm1", "ln_2": "layer_norm2", "attn.out_proj": "self_attn.out_proj", "mlp.c_fc": "mlp.fc1",
          "mlp.c_proj": "mlp.fc2",
        ])
      for kind in ["weight", "bias"] {
        map.add("\(a).attn.in_proj_\(kind)", ["q", "k", "v"].map { "\(b).self_attn.\($0)_proj.\(kind)" }, .thirds)
      }
    }
    return map
  }

  /// The BERT-like tower of the 2021 text model (x-transformers' names) ↔ diffusers' `LDMBertModel`.
  static func bert(prefix: String, layers: Int) -> NameMap {
    var map = NameMap(prefix)
    map.add("\(prefix)token_emb", "model.embed_tokens")
    map.add("\(prefix)pos_emb.emb", "model.embed_positions")
    map.add("\(prefix)norm", "model.layer_norm")
    map.add("\(prefix)to_logits", "to_logits")
    for layer in 0..<layers {
      let b = "model.layers.\(layer)"
      map.add(
        "\(prefix)attn_layers.layers.\(2 * layer)", b,
        [
          "0.0": "self_attn_layer_norm", "1.to_q": "self_attn.q_proj", "1.to_k": "self_attn.k_proj",
          "1.to_v": "self_attn.v_proj", "1.to_out": "self_attn.out_proj",
        ])
      map.add(
        "\(prefix)attn_layers.layers.\(2 * layer + 1)", b,
        ["0.0": "final_layer_norm", "1.net.0.0": "fc1", "1.net.2": "fc2"])
    }
    return map
  }
}
