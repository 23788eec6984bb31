import Diffusion
import Foundation
import Layers
import Models
import Testing
import Weights

/// max |a - b| / max |b| against diffusers and transformers in f32 on the same weights.
private let bound: Float = 1e-4
/// Winograd's transforms magnify rounding.
private let winogradBound: Float = 1e-3

/// Products of rounded values, in networks of so few channels that roundings hardly average out: the root of the mean square
/// of differences to that of the reference. The largest difference depends on the order of sums, and so on the CPU's level:
/// 0.03 to 0.07 of the same network. At Stable Diffusion's size it is under 1e-2 (`PrecisionTests`).
private let halfBound: Float = 5e-2

private let direct = KernelPolicy(precision: .f32, winogradLimit: 0)

@Suite struct UNetTests {
  @Test(
    arguments: ["sd1", "sd2", "built-in", "upscaler", "x4-upscaler", "deep", "odd", "sdxl", "sdxl-refiner", "lcm"],
    [(direct, bound), (KernelPolicy(precision: .f32), winogradBound), (KernelPolicy(precision: .bf16), halfBound)])
  func matchesDiffusers(name: String, kernels: (policy: KernelPolicy, bound: Float)) throws {
    let golden = try Golden("unet/\(name)", policy: kernels.policy)
    let unet = try UNet(golden.parameters, config: UNetConfig(golden.config))
    let label = golden.contains("label") ? Int(golden["label"][flat: 0]) : nil
    for (index, timestep) in golden["timesteps"].elements.enumerated() {
      var input = DenoiserInput(latents: golden["latents"], timestep: Double(timestep), context: golden["context"])
      input.label = label.map { .index($0) }
      if golden.contains("pooled") {
        input.pooled = golden["pooled"]
        input.micro = (0..<2).map { row in golden["micro"].slice(axis: 0, row..<(row + 1)).elements.map { Double($0) } }
      }
      input.guidance = golden.contains("guidance") ? Double(golden["guidance"][flat: 0]) : nil
      let (found, expected) = (unet(input), golden["output.\(index)"])
      let distance =
        kernels.policy.isHalf
        ? (found - expected).rootMeanSquare / expected.rootMeanSquare : found.distance(to: expected)
      #expect(distance < kernels.bound)
    }
    #expect(golden.parameters.weights.surplus == [])
  }

  /// Configs of Stable Diffusion 1 and 2 do not name their middle block; its weights are read all the same.
  @Test(arguments: [("sd1", nil, 0), ("sd2", nil, 0), ("sd1", "null", 46)] as [(String, String?, Int)])
  func aMiddleBlockNeedsNoName(name: String, written: String?, unread: Int) throws {
    let golden = try Golden("unet/\(name)")
    var text = String(decoding: golden.config.json, as: UTF8.self)
    let key = #""mid_block_type" : "UNetMidBlock2DCrossAttn","#
    #expect(text.contains(key))
    text = text.replacing(key, with: written.map { #""mid_block_type" : \#($0),"# } ?? "")
    _ = try UNet(golden.parameters, config: UNetConfig(Config(Data(text.utf8), path: "config.json")))
    #expect(golden.parameters.weights.surplus.count == unread)
    #expect(golden.parameters.weights.surplus.allSatisfy { $0.hasPrefix("mid_block.") })
  }

  @Test func aMissingPartIsNamed() throws {
    let golden = try Golden("unet/sd1")
    let other = try Golden("unet/sd2")
    #expect {
      _ = try UNet(golden.parameters, config: UNetConfig(other.config))
    } throws: { "\($0)".contains("down_blocks.0") }
  }
}

@Suite struct AutoencoderTests {
  @Test(arguments: ["sd1", "built-in", "halves", "plain", "old-names", "no-quant"])
  func matchesDiffusers(name: String) throws {
    let golden = try Golden("vae/\(name)", policy: direct)
    let autoencoder = try AutoencoderKL(golden.parameters, config: AutoencoderConfig(golden.config))
    let (mean, logVariance) = autoencoder.posterior(golden["picture"])
    #expect(mean.distance(to: golden["mean"]) < bound)
    #expect(logVariance.distance(to: golden["logvar"]) < bound)
    let scale = autoencoder.config.scalingFactor
    let shift = autoencoder.config.shiftFactor
    #expect(autoencoder.decode((golden["mean"] - shift) * scale).distance(to: golden["decoded"]) < bound)
    #expect(golden.parameters.weights.surplus == [])
  }

  @Test func aDecoderHasNoMoreLevelsThanItsEncoder() throws {
    let golden = try Golden("vae/halves")
    let text = String(decoding: golden.config.json, as: UTF8.self)
    let fewer = text.replacing(/"block_out_channels" : \[[^\]]*\]/, with: #""block_out_channels" : [8]"#)
    #expect(fewer != text)
    #expect {
      _ = try AutoencoderConfig(Config(Data(fewer.utf8), path: "config.json"))
    } throws: { "\($0)".contains("decoder_block_out_channels") }
  }

  /// The decoder's last maps, at a half or a quarter of the picture's size, and its pixels.
  @Test(arguments: [("plain", 8), ("halves", 8 / 4 + 3), ("built-in", 16 / 16 + 3)])
  func memoryGoesByTheLargestMaps(name: String, decoder: Int) throws {
    let values = try AutoencoderConfig(Golden("vae/\(name)").config).valuesPerPixel
    #expect(values == (8, decoder))
  }

  @Test func aDrawOfThePosteriorIsMeanAndDeviation() throws {
    let golden = try Golden("vae/sd1", policy: direct)
    let autoencoder = try AutoencoderKL(golden.parameters, config: AutoencoderConfig(golden.config))
    let drawn = Noise(seed: 5)
    var (first, second) = (drawn, drawn)
    let noise = first(golden["mean"].shape)
    let expected = (golden["mean"] + (0.5 * golden["logvar"]).exponential() * noise) * autoencoder.config.scalingFactor
    #expect(autoencoder.encode(golden["picture"], .sample, noise: &second).distance(to: expected) < bound)
  }
}

@Suite struct CLIPTextModelTests {
  @Test(arguments: ["quick-gelu", "gelu-bare", "projection"])
  func matchesTransformers(name: String) throws {
    let golden = try Golden("text/\(name)")
    let tower = try CLIPTextModel(golden.parameters, config: CLIPTextConfig(golden.config))
    let ids = golden["ids"].elements.map { Int($0) }
    let output = tower([Array(ids[..<16]), Array(ids[16...])])
    #expect(output.last.distance(to: golden["last"]) < bound)
    #expect(output.hidden[output.hidden.count - 2].distance(to: golden["penultimate"]) < bound)
    #expect(output.pooled.distance(to: golden["pooled"]) < bound)
    #expect(golden.parameters.weights.surplus == [])
  }
}

extension Tensor {
  fileprivate var rootMeanSquare: Float {
    withElements { ($0.reduce(0) { $0 + $1 * $1 } / Float($0.count)).squareRoot() }
  }
}
