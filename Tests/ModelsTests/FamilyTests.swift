import Diffusion
import Foundation
import Layers
import Models
import Testing
import Weights

/// max |a - b| / max |b| against diffusers and transformers in f32 on the same weights.
private let bound: Float = 1e-4
private let direct = KernelPolicy(precision: .f32, winogradLimit: 0)

/// The families beside Stable Diffusion (`Tests/Reference/family_modules.py`).
@Suite struct FamilyAutoencoderTests {
  @Test(arguments: ["kl-attends", "vq-f4", "vq-f8", "tiny"])
  func matchesDiffusers(name: String) throws {
    let golden = try Golden("families/\(name)", policy: direct)
    let autoencoder = try makeAutoencoder(golden.parameters, golden.config, scaled: true)
    var noise = Noise(seed: 0)
    let latents = golden["latents"]
    #expect(autoencoder.encode(golden["picture"], .mean, noise: &noise).distance(to: latents) < bound)
    #expect(autoencoder.decode(latents).distance(to: golden["decoded"]) < bound)
    #expect(latents.shape[1] == autoencoder.latentChannels)
    #expect(golden["picture"].shape[2] == latents.shape[2] * autoencoder.factor)
    #expect(golden.parameters.weights.surplus == [])
  }

  /// Quantising the entries themselves changes nothing, and quantising twice is quantising once.
  @Test func theCodebookKeepsItsEntries() {
    var noise = Noise(seed: 3)
    let entries = noise([50, 4])
    let codebook = Codebook(entries)
    #expect(codebook.nearest(entries.reshaped([1, 5, 10, 4])).elements == entries.elements)
    let once = codebook.nearest(noise([2, 3, 7, 4]))
    #expect(codebook.nearest(once).elements == once.elements)
  }
}

@Suite struct PlainUNetTests {
  @Test(arguments: [
    "plain", "plain-resnets", "plain-one-head", "plain-scales", "plain-scales-convolutions", "plain-padding-0",
  ])
  func matchesDiffusers(name: String) throws {
    let golden = try Golden("families/\(name)", policy: direct)
    let unet = try UNet(golden.parameters, config: UNetConfig(golden.config))
    #expect(!unet.config.readsText)
    for (index, timestep) in golden["timesteps"].elements.enumerated() {
      let input = DenoiserInput(latents: golden["latents"], timestep: Double(timestep))
      #expect(unet(input).distance(to: golden["output.\(index)"]) < bound)
    }
    #expect(golden.parameters.weights.surplus == [])
  }
}

extension PlainUNetTests {
  /// Its heads are 8 channels wide: diffusers' default where the config says nothing.
  @Test func headsAreEightWideWhereNothingIsSaid() throws {
    let golden = try Golden("families/plain-resnets", policy: direct)
    var object = try JSONSerialization.jsonObject(with: golden.config.json) as! [String: Any]
    (object["num_attention_heads"], object["attention_head_dim"]) = (nil, nil)
    let config = try Config(JSONSerialization.data(withJSONObject: object), path: "config.json")
    let unet = try UNet(golden.parameters, config: UNetConfig(config))
    let input = DenoiserInput(latents: golden["latents"], timestep: Double(golden["timesteps"].elements[0]))
    #expect(unet(input).distance(to: golden["output.0"]) < bound)
  }
}

@Suite struct SchedulerConfigTests {
  private func scheduler(_ text: String, in pipeline: String?) throws -> SchedulerConfig {
    try SchedulerConfig(Config(Data(text.utf8), path: "scheduler_config.json")).repaired(for: pipeline)
  }

  /// Diffusers' own pipelines mend configs of their first days when they load them.
  @Test func firstConfigsAreRepairedAsDiffusersDoes() throws {
    let old = #"{"_class_name": "DDIMScheduler", "steps_offset": 0}"#
    for pipeline in ["StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline", "StableDiffusionInpaintPipeline"] {
      let repaired = try scheduler(old, in: pipeline)
      #expect(repaired.stepsOffset == 1 && repaired.clipSample == false)
    }
    for pipeline in ["StableDiffusionXLPipeline", "LDMTextToImagePipeline", nil] {
      let kept = try scheduler(old, in: pipeline)
      #expect(kept.stepsOffset == 0 && kept.clipSample == nil)
    }
    let pndm = try scheduler(#"{"_class_name": "PNDMScheduler"}"#, in: "StableDiffusionPipeline")
    #expect(pndm.stepsOffset == 1 && pndm.clipSample == nil)
  }

  @Test func aConfigOfDPMSolverIsRead() throws {
    let text = #"{"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity, "solver_order": 2}"#
    let config = try scheduler(text, in: nil)
    _ = try Samplers.own(of: config).make(config)
    let clipped = try scheduler(text.replacing("-Infinity", with: "-5.1"), in: nil)
    #expect(throws: SamplerError.self) { try Samplers.own(of: clipped) }
    // diffusers drops the prefix.
    let flax = try scheduler(#"{"_class_name": "FlaxPNDMScheduler"}"#, in: "FlaxStableDiffusionPipeline")
    #expect(try Samplers.own(of: flax).name == "pndm" && flax.stepsOffset == 1)
  }
}

@Suite struct LDMBertTests {
  @Test func matchesDiffusers() throws {
    let golden = try Golden("families/bert", policy: direct)
    let network = try LDMBert(golden.parameters, config: LDMBertConfig(golden.config))
    #expect(network(golden["ids"].elements.map { Int($0) }).distance(to: golden["last"]) < bound)
    #expect(golden.parameters.weights.surplus == [])
  }

  struct Case: Decodable, Sendable {
    let text: String
    let ids: [Int]
  }

  @Test func wordPiecesAreThoseOfTransformers() throws {
    let folder = Bundle.module.resourcePath! + "/Golden/families"
    let tokenizer = try BERTTokenizer(Checkpoint(at: folder).tokenizer("wordpiece"), length: 20)
    let data = FileManager.default.contents(atPath: "\(folder)/wordpiece/cases.json")!
    for one in try JSONDecoder().decode([Case].self, from: data) {
      #expect(tokenizer.encode(one.text) == one.ids, "\(one.text)")
    }
  }
}

@Suite struct ConfigTests {
  /// What changes the result and is not here is refused by its name, not ignored.
  @Test(arguments: [
    ("unet/sdxl", "addition_embed_type", "\"text_image\""), ("unet/sdxl", "class_embed_type", "\"timestep\""),
    ("unet/lcm", "time_cond_proj_dim", "3"), ("families/plain", "center_input_sample", "true"),
    ("families/plain", "down_block_types", "[\"SkipDownBlock2D\", \"DownBlock2D\", \"DownBlock2D\"]"),
    ("families/plain", "upsample_type", "\"resnet\""), ("families/plain", "attn_norm_num_groups", "5"),
    ("families/plain", "resnet_time_scale_shift", "\"spatial\""), ("families/vq-f4", "norm_type", "\"spatial\""),
    ("families/tiny", "act_fn", "\"gelu\""), ("families/tiny", "num_decoder_blocks", "[1, 2]"),
    ("families/bert", "activation_function", "\"relu\""), ("families/kl-attends", "latents_mean", "[0, 0, 0, 0]"),
  ])
  func whatIsNotSupportedIsNamed(path: String, key: String, value: String) throws {
    let file = Bundle.module.resourcePath! + "/Golden/\(path)/config.json"
    var object = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: file))) as! [String: Any]
    object[key] = try JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed)
    let config = try Config(JSONSerialization.data(withJSONObject: object), path: "config.json")
    #expect {
      switch path.split(separator: "/").last! {
      case "vq-f4": _ = try VQConfig(config)
      case "tiny": _ = try AutoencoderTinyConfig(config)
      case "bert": _ = try LDMBertConfig(config)
      case "kl-attends": _ = try AutoencoderConfig(config)
      default: _ = try UNetConfig(config)
      }
    } throws: { "\($0)".hasPrefix("config.json: \(key) is") }
  }
}
