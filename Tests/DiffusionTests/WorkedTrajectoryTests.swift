import Diffusion
import Testing

/// Worked by hand from diffusers: N = 4, start 0.5 · init_noise_sigma, noise from seed 7, element 0 after each call.
@Suite struct WorkedTrajectoryTests {
  @Test(
    arguments: [
      ("ddim", nil, 0, [0.472442, 0.668625, 0.473945, 0.470671]),
      ("pndm", nil, 0, [0.472442, 0.731313, 1.04681, 0.419962, 0.432936]),
      ("plms", nil, 0, [0.472442, 0.731313, 1.04681, 0.419962, 0.432936]),
      ("ddpm", nil, 0, [-0.421044, -0.994833, -0.882894, -0.861844]),
      ("euler", nil, 0, [5.05953, 2.95908, 1.82005, 1.78821]),
      ("euler", .karras, 0, [5.10763, 2.29524, 1.68697, 1.65746]),
      ("euler", .exponential, 0, [4.8523, 2.86882, 2.509, 2.46511]),
      ("euler-a", nil, 0, [2.26547, -0.480278, -0.251503, -0.247103]),
      ("heun", nil, 0, [5.05953, -0.00190878, -0.147322, 0.026778, 0.0499967, 0.0248461, 0.0244115]),
      ("lms", nil, 0, [5.05953, 2.81316, 1.70362, 1.67394]),
      ("dpm2", nil, 0, [5.75375, -0.647163, -0.580832, 0.0854442, 0.0854151, -0.0105268, -0.0103427]),
      ("dpm2-a", nil, 0, [5.05953, -9.87877, -6.20914, -4.03857, -2.404, -2.69806, -2.65086]),
      ("dpm++2m", nil, 0, [1.25946, 1.2096, 1.48266, 1.10399]),
      ("dpm++2m", .karras, 0, [1.53994, 0.760298, -0.286088, -0.281203]),
      ("dpm++2m-sde", nil, 0, [0.359569, -1.91502, -1.99085, -1.6775]),
      ("unipc", nil, 0, [1.25946, 0.979785, 1.36221, 1.00753]),
      ("lcm", nil, 0, [0.231087, -1.55695, -0.972365, -0.853526]),
    ] as [(String, SigmaSchedule?, Double, [Float])])
  func trajectoryIsTheWorkedOne(name: String, schedule: SigmaSchedule?, eta: Double, expected: [Float]) throws {
    var options = SamplerOptions()
    options.schedule = schedule
    options.eta = eta
    try check(name, .stableDiffusion, options, expected)
  }

  @Test func singlestepOfTheModelsOwnConfigIsDeterministic() throws {
    var config = SchedulerConfig.stableDiffusion
    config.className = "DPMSolverSinglestepScheduler"
    try check("dpm++sde", config, SamplerOptions(), [1.25946, 1.29851, 1.58292, 1.18427])
  }

  @Test(
    arguments: [
      ("ddim", [0.456508, 0.281635, 0.265983, 0.0611211]), ("euler", [2.50671, 0.572142, 0.328879, 0.0499678]),
      ("dpm++2m", [0.456577, 0.276748, 0.363048, 0.0942186]), ("unipc", [0.456577, 0.262481, 0.424102, 0.122058]),
    ] as [(String, [Float])])
  func zeroTerminalSNR(name: String, expected: [Float]) throws {
    var config = SchedulerConfig.stableDiffusion
    config.rescaleBetasZeroSNR = true
    config.spacing = "trailing"
    config.prediction = "v_prediction"
    try check(name, config, SamplerOptions(), expected)
  }

  private func check(_ name: String, _ config: SchedulerConfig, _ options: SamplerOptions, _ expected: [Float]) throws {
    var noise = Noise(seed: 7)
    let sampler = try Samplers.named(name).make(config, options)
    let start = Start(noise: Tensor(repeating: 0.5, shape: [1, 4, 2, 2]))
    let path = try trajectory(sampler, steps: 4, start: start, noise: &noise).map { $0[flat: 0] }
    #expect(path.count == expected.count)
    #expect(Tensor(path, shape: [path.count]).distance(to: Tensor(expected, shape: [expected.count])) < 1e-5)
  }
}
