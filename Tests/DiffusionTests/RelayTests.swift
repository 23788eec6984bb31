import Diffusion
import Testing

/// A run cut in two, as where a refiner takes over.
@Suite struct RelayTests {
  private static let cutoffs: [Double] = [180, 200, 390, 400, 610, 900]

  private func run(
    _ model: any Denoiser, _ sampler: any Sampler, _ start: Start?, at timesteps: Range<Double>
  ) throws -> Tensor {
    var conditioning = Conditioning()
    conditioning.start = start
    var settings = SampleSettings()
    (settings.steps, settings.timesteps) = (5, timesteps)
    var noise = Noise(seed: 1)
    return try sample(model, conditioning, sampler, settings, shape: [1, 4, 2, 2], noise: &noise)
  }

  private func relay(
    _ model: any Denoiser, _ sampler: any Sampler, _ start: Start?, cutoff: Double
  ) throws -> Tensor {
    var rest = Start(latents: try run(model, sampler, start, at: cutoff..<Double.infinity))
    rest.isNoisy = true
    return try run(model, sampler, rest, at: -1..<cutoff)
  }

  /// Samplers that look back no further than a step: wherever the cut falls, no step is cut through.
  @Test(arguments: ["ddim", "euler", "heun", "dpm2"], cutoffs)
  func aRunCutInTwoIsTheWholeRun(name: String, cutoff: Double) throws {
    let sampler = try Samplers.named(name).make(.stableDiffusion)
    let whole = try run(AnalyticModel(), sampler, nil, at: -1..<Double.infinity)
    #expect(try relay(AnalyticModel(), sampler, nil, cutoff: cutoff).distance(to: whole) < 1e-5)
  }

  /// PNDM's repeat belongs to the first of the two alone.
  @Test(arguments: ["pndm", "plms"], cutoffs)
  func noNoiseStaysIn(name: String, cutoff: Double) throws {
    let (clean, epsilon) = (ramp(-1, 1), ramp(2, -1))
    let sampler = try Samplers.named(name).make(.stableDiffusion)
    let model = SampleTests.PerfectModel(epsilon: epsilon)
    let result = try relay(model, sampler, Start(latents: clean, noise: epsilon, strength: 1), cutoff: cutoff)
    let final = try NoiseSchedule(.stableDiffusion).level(at: 0).noised(clean, with: epsilon)
    #expect(result.distance(to: final) < 1e-4)
  }
}
