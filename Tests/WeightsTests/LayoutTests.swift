import Foundation
import Testing
import Weights

@Suite struct LayoutTests {
  /// Every name of the public file maps to one name of diffusers', every parameter of diffusers' networks is there in its
  /// shape, and the configs that the shapes give are the public ones.
  @Test(arguments: Layout.all.keys.sorted())
  func everyKeyIsMappedOnce(family: String) throws {
    let layout = Layout.all[family]!
    try Layout.with(layout.fileShapes) { path in
      let checkpoint = try Checkpoint(at: path)
      #expect(checkpoint.family?.name == family)
      #expect(checkpoint.surplus == [])
      let template = try #require(checkpoint.family).parts
      for (part, list) in layout.folder {
        let expected = Layout.shapes(list)
        let found = try checkpoint.weights(part).shapes.filter { !$0.key.hasSuffix("position_ids") }
        #expect(Set(found.keys).symmetricDifference(expected.keys) == [], "\(part)")
        #expect(expected.filter { found[$0.key] != $0.value }.isEmpty, "\(part)")
        #expect(try checkpoint.config(part).json == template[part]?.json, "\(part)")
      }
    }
  }

  /// No two names of a file become one, and the way back leads to where it began.
  @Test(arguments: Layout.all.keys.sorted())
  func theWayBackIsTheSame(family: String) throws {
    try Layout.with(Layout.all[family]!.fileShapes) { path in
      let parts = try SingleFileParts(TensorFile(at: path))
      let names = Layout.all[family]!.fileShapes.keys
      var seen = Set<String>()
      var wrong: [String] = []
      for (part, map) in parts.maps {
        for name in names {
          for (place, folderName) in (map.folderNames(name)?.names ?? []).enumerated() {
            let back = map.singleName(folderName)
            if back?.name != name || back?.place != place { wrong.append(name) }
            if !seen.insert("\(part)/\(folderName)").inserted { wrong.append(name) }
          }
        }
      }
      #expect(wrong.isEmpty && seen.count >= names.filter { !SingleFileParts.isLeftover($0) }.count)
    }
  }

  private static let sd2 = Layout.all["sd2"]!.fileShapes

  private func prediction(
    _ hints: CheckpointHints = CheckpointHints(), metadata: [String: String] = [:], beside: [String: String] = [:],
    extra: [String: [Int]] = [:]
  ) throws -> (String?, size: Int?, notes: Int) {
    try Layout.with(Self.sd2.merging(extra) { $1 }, metadata: metadata, beside: beside) { path in
      let checkpoint = try Checkpoint(at: path, hints: hints)
      return (
        try checkpoint.config("scheduler").optionalString("prediction_type"),
        try checkpoint.config("unet").optionalInteger("sample_size"), checkpoint.notes.count
      )
    }
  }

  @Test func whatKeysCannotTellComesFromElsewhere() throws {
    #expect(try prediction() == ("v_prediction", 96, 1))
    #expect(try prediction(CheckpointHints(prediction: "epsilon")) == ("epsilon", 64, 0))
    #expect(
      try prediction(beside: ["model.yaml": "model:\n  params:\n    parameterization: \"v\"\n"]) == (
        "v_prediction", 96, 0
      ))
    #expect(try prediction(beside: ["model.yaml": "model:\n  params:\n    timesteps: 1000\n"]) == ("epsilon", 64, 0))
    #expect(
      try prediction(beside: ["scheduler_config.json": "{\"prediction_type\": \"epsilon\"}"]) == ("epsilon", 64, 0))
    #expect(try prediction(metadata: ["modelspec.prediction_type": "epsilon"]) == ("epsilon", 64, 0))
    #expect(try prediction(extra: ["v_pred": []]) == ("v_prediction", 96, 0))
  }

  @Test func zeroTerminalSNRIsMarkedByAKey() throws {
    let shapes = Layout.all["sdxl"]!.fileShapes.merging(["v_pred": [], "ztsnr": []]) { $1 }
    try Layout.with(shapes) { path in
      let scheduler = try Checkpoint(at: path).config("scheduler")
      #expect(try scheduler.optionalString("prediction_type") == "v_prediction")
      #expect(try scheduler.optionalBool("rescale_betas_zero_snr") == true)
    }
  }

  @Test(arguments: ["edm_mean", "edm_vpred.sigma_max"])
  func modelsOfOtherNoiseAreRefused(mark: String) throws {
    try Layout.with(Layout.all["sdxl"]!.fileShapes.merging([mark: [1]]) { $1 }) { path in
      #expect { _ = try Checkpoint(at: path) } throws: { "\($0)".contains("EDM") }
    }
  }

  @Test func partsMayStandAlone() throws {
    let vae = Layout.shapes("vae")
    try Layout.with(vae) { path in
      let checkpoint = try Checkpoint(at: path)
      #expect(checkpoint.parts == ["vae"] && checkpoint.family == nil)
      #expect(try checkpoint.weights("vae").shapes == Layout.shapes("folder-vae-sd1"))
    }
    try Layout.with(Layout.shapes("folder-vae-sd1")) { path in
      let checkpoint = try Checkpoint(at: path)
      #expect(try checkpoint.weights("vae").shapes == Layout.shapes("folder-vae-sd1"))
      #expect(try checkpoint.config("vae").integers("block_out_channels") == [128, 256, 512, 512])
    }
    try Layout.with(Layout.shapes("folder-unet-sdxl-inpainting")) { path in
      let checkpoint = try Checkpoint(at: path)
      #expect(checkpoint.family?.name == "sdxl-inpainting")
      #expect(try checkpoint.config("unet").integers("transformer_layers_per_block") == [1, 2, 10])
    }
  }

  /// TAESD's author publishes two files, ComfyUI's users one; diffusers' names are another's.
  @Test func theHalvesOfATinyAutoencoderAreJoined() throws {
    let expected = Layout.shapes("folder-taesd")
    let (encoder, decoder) = (Layout.shapes("taesd-encoder"), Layout.shapes("taesd-decoder"))
    func parts(_ path: String) throws -> [String: [Int]] {
      let checkpoint = try Checkpoint(at: path)
      #expect(checkpoint.surplus == [] && checkpoint.parts == ["vae"])
      return try checkpoint.weights("vae").shapes
    }
    try Layout.with(encoder, name: "taesd_encoder.safetensors") { path in
      #expect {
        _ = try Checkpoint(at: path)
      } throws: { "\($0)".contains("the encoder of a TAESD alone") }
      let other = path.replacingOccurrences(of: "encoder", with: "decoder")
      try Layout.write(decoder, to: other)
      let (one, two) = (try parts(path), try parts(other))
      #expect(one == expected && two == expected)
      try Layout.write(encoder, to: other)
      #expect(throws: CheckpointError.family(other, found: "not the decoder of a TAESD")) {
        _ = try Checkpoint(at: path)
      }
    }
    let both = encoder.map { ("taesd_encoder.\($0)", $1) } + decoder.map { ("taesd_decoder.\($0)", $1) }
    for shapes in [Dictionary(uniqueKeysWithValues: both), expected] {
      let found = try Layout.with(shapes) { try parts($0) }
      #expect(found == expected)
    }
  }

  /// A UNet that is told the strength of guidance is sampled as latent consistency models are, alone or in a whole file.
  @Test func aConsistencyModelIsKnownByItsUNet() throws {
    let whole = Layout.all["sd1"]!.fileShapes
    let key = "model.diffusion_model.time_embed.cond_proj.weight"
    for shapes in [
      whole.merging([key: [320, 256]]) { $1 },
      Layout.shapes("folder-unet-sd1").merging(["time_embedding.cond_proj.weight": [320, 256]]) { $1 },
    ] {
      try Layout.with(shapes) { path in
        let checkpoint = try Checkpoint(at: path)
        #expect(checkpoint.surplus == [])
        #expect(try checkpoint.weights("unet").shapes["time_embedding.cond_proj.weight"] == [320, 256])
        #expect(try checkpoint.config("unet").optionalInteger("time_cond_proj_dim") == 256)
        let scheduler = try checkpoint.config("scheduler")
        #expect(try scheduler.optionalString("_class_name") == "LCMScheduler")
        #expect(try scheduler.optionalInteger("steps_offset") == 0)
      }
    }
    let plain = try Layout.with(whole) { try Checkpoint(at: $0).config("unet") }
    #expect(!plain.has("time_cond_proj_dim"))
  }

  /// The 2021 models' averaged weights are what their authors sample; later ones are sampled as they stand.
  @Test(arguments: [("ldm-sr", true), ("sd1", false)])
  func averagesAreUsedWhereTheirAuthorsDo(family: String, uses: Bool) throws {
    let shapes = Layout.all[family]!.fileShapes
    let averages = shapes.filter { $0.key.hasPrefix("model.") }.map { name, shape in
      ("model_ema." + name.dropFirst(6).filter { $0 != "." }, shape)
    }
    try Layout.with(shapes.merging(averages) { $1 }) { path in
      let checkpoint = try Checkpoint(at: path)
      #expect(checkpoint.surplus == [])
      let tensor = try #require(checkpoint.weights("unet").all["conv_in.bias"])
      let average = try #require(checkpoint.file?.tensors["model_ema.diffusion_modelinput_blocks00bias"])
      #expect((tensor.offset == average.offset) == uses)
    }
  }

  /// The churches' latents are divided by a deviation that training measured.
  @Test func aMeasuredFactorIsRead() throws {
    let shapes = Layout.all["ldm-churches"]!.fileShapes.merging(["scale_factor": []]) { $1 }
    try Layout.with(shapes) { path in
      let checkpoint = try Checkpoint(at: path)
      #expect(checkpoint.surplus == [])
      // Of a file of zeros.
      #expect(try checkpoint.config("vqvae").optionalNumber("scaling_factor") == 0)
    }
  }

  /// Models of 2021 that are told more than words or a class.
  private static let boxes = Layout.all["ldm-text-vq"]!.fileShapes.merging([
    "cond_stage_model.transformer.token_emb.weight": [8192, 512]
  ]) { $1 }
  private static let semantics = Layout.all["ldm-sr"]!.fileShapes.merging([
    "cond_stage_model.channel_mapper.weight": [3, 182, 1, 1]
  ]) { $1 }

  @Test(
    arguments: [
      (["lora_unet_down_blocks_0.lora_up.weight": [4, 4]], "--lora"), (["emb_params": [2, 768]], "--embedding"),
      (["model.diffusion_model.double_blocks.0.img_attn.proj.weight": [8, 8]], "Flux"),
      (["model.diffusion_model.joint_blocks.0.x.weight": [8, 8]], "Stable Diffusion 3"), (["a": [1]], "no UNet"),
      (["model.diffusion_model.input_blocks.0.0.weight": [320, 4, 3, 3]], "no known order"),
      (boxes, "layout of boxes"), (semantics, "map of semantics"), (["768.0.linear.0.weight": [8, 8]], "hypernetwork"),
    ] as [([String: [Int]], String)])
  func otherFilesAreNamed(shapes: [String: [Int]], words: String) throws {
    _ = try Layout.with(shapes) { path in
      #expect {
        _ = try Checkpoint(at: path)
      } throws: { "\($0)".contains(words) }
    }
  }
}
