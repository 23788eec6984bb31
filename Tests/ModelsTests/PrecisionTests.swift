import Diffusion
import Foundation
import Layers
import Models
import Testing
import Weights

private let checkpoint = ProcessInfo.processInfo.environment["LDM_CHECKPOINT"]

/// Rounded products against f32 on a checkpoint of full size, a folder in diffusers' layout named by `LDM_CHECKPOINT`
/// (`Examples/bench/make_checkpoint.py` makes one): the UNet's output late, midway and early in sampling.
@Suite(.enabled(if: checkpoint != nil)) struct PrecisionTests {
  @Test func roundedProductsStayNearSinglePrecision() throws {
    func unet(_ precision: Precision) throws -> UNet {
      let folder = checkpoint! + "/unet"
      return try UNet(
        Parameters(Weights(componentAt: folder), KernelPolicy(precision: precision)),
        config: UNetConfig(Config(at: "\(folder)/config.json")))
    }
    let timesteps = [999.0, 500, 20]
    var noise = Noise(seed: 1)
    var outputs: [[Tensor]] = []
    for precision in [Precision.f32, .bf16, .int8] {
      let unet = try unet(precision)
      noise = Noise(seed: 1)
      let side = unet.config.sampleSize
      let latents = noise([2, unet.config.inputChannels, side, side])
      let context = unet.config.readsText ? noise([2, 77, unet.config.contextWidth]) : nil
      outputs.append(timesteps.map { unet(DenoiserInput(latents: latents, timestep: $0, context: context)) })
    }
    for (name, bound, rounded) in [("bf16", Float(1e-2), outputs[1]), ("int8", 3.9e-2, outputs[2])] {
      for (index, timestep) in timesteps.enumerated() {
        let distance = rounded[index].distance(to: outputs[0][index])
        print("\(name), t = \(timestep): \(distance)")
        #expect(distance < bound)
      }
    }
  }
}
