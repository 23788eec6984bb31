import Diffusion
import Foundation
import Layers
import Models
import Testing
import Weights

private let exact = KernelPolicy(precision: .f32, winogradLimit: 0)

/// Against the code of the papers' authors on the same weights (`Tests/Reference/approximations.py`).
@Suite struct ApproximationTests {
  /// A recorded network and what it is shown; `scale` of the latents.
  private func network(_ name: String) throws -> (unet: UNet, input: (Double, Float) -> DenoiserInput) {
    let golden = try Golden("unet/\(name)", policy: exact)
    let unet = try UNet(golden.parameters, config: UNetConfig(golden.config))
    return (
      unet,
      { timestep, scale in
        var input = DenoiserInput(latents: golden["latents"] * scale, timestep: timestep, context: golden["context"])
        if golden.contains("pooled") {
          input.pooled = golden["pooled"]
          input.micro = (0..<2).map { golden["micro"].slice(axis: 0, $0..<($0 + 1)).elements.map { Double($0) } }
        }
        return input
      }
    )
  }

  private func recorded(_ name: String) throws -> [String: WeightTensor] {
    try SafetensorsFile(at: Bundle.module.resourcePath! + "/Golden/approximations/\(name).safetensors").tensors
  }

  /// On maps of whole squares and of an odd size, and where all that can be merged is.
  @Test(arguments: [("sd1", 0.5), ("sd2", 0.75), ("odd", 0.4)])
  func mergesTokensAsTheAuthors(name: String, share: Double) throws {
    let (unet, input) = try network(name)
    let output = unet.run(input(801, 1), merging: TokenMerging(share: share, seed: nil)).output
    #expect(output.distance(to: try recorded("token-merging")[name]!.tensor()) < 1e-4)
  }

  @Test func aSeedDecidesWhichTokensOthersAreMergedInto() throws {
    let (unet, input) = try network("sd1")
    func output(_ seed: UInt64?) -> [Float] {
      unet.run(input(801, 1), merging: TokenMerging(share: 0.5, seed: seed)).output.elements
    }
    #expect(output(1) == output(1))
    #expect(output(1) != output(2))
    #expect(output(1) != output(nil))
  }

  @Test func nothingMergedIsTheNetworkItself() throws {
    let (unet, input) = try network("sd1")
    let output = unet.run(input(801, 1), merging: TokenMerging(share: 0, seed: 1)).output
    #expect(output.elements == unet(input(801, 1)).elements)
  }

  /// Levels whose attention reads the text alone, and networks without any, have no tokens to merge.
  @Test(arguments: [("sd1", 0), ("sdxl", 1), ("x4-upscaler", 2), ("upscaler", nil)] as [(String, Int?)])
  func tokensAreMergedWhereTheyAttendToEachOther(name: String, level: Int?) throws {
    #expect(try UNetConfig(Golden("unet/\(name)").config).mergedLevel == level)
  }

  /// A run of five calls, every third of them whole.
  @Test(arguments: ["sd1", "built-in", "sdxl"])
  func reusesDeepFeaturesAsTheAuthors(name: String) throws {
    let (unet, input) = try network(name)
    let expected = try recorded("deep-cache")[name]!.tensor()
    var deep: Tensor?
    for (i, timestep) in ([999, 801, 641, 420, 21] as [Double]).enumerated() {
      let result = unet.run(input(timestep, 1 - 0.1 * Float(i)), deep: i % 3 == 0 ? nil : deep)
      deep = result.deep
      let output = expected.slice(axis: 0, i..<(i + 1)).reshaped(result.output.shape)
      #expect(result.output.distance(to: output) < 1e-4)
    }
  }
}
