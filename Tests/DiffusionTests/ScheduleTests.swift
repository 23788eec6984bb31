import Diffusion
import Foundation
import Testing

/// `Golden/schedules.json` is made by `Tests/Reference/schedules.py` from k-diffusion's samplers.
@Suite struct ScheduleTests {
  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    var sampler, schedule: String
    var steps: Int
    var timesteps: [Double]
    var first, last: [Float]

    var testDescription: String { "\(sampler) \(schedule) \(steps)" }
  }

  static let cases: [Case] = {
    let file = Bundle.module.bundleURL.appending(path: "Golden/schedules.json")
    guard let data = try? Data(contentsOf: file) else { return [] }
    return (try? JSONDecoder().decode([Case].self, from: data)) ?? []
  }()

  @Test func everyListedScheduleIsCompared() {
    let listed = SigmaSchedule.allCases.filter { !$0.isCurve }.map(\.rawValue)
    #expect(Set(Self.cases.map(\.schedule)).isSuperset(of: listed + ["by hand"]))
    #expect(Self.cases.contains { $0.sampler == "dpm++3m-sde" })
  }

  @Test(arguments: cases)
  func matchesTheReference(_ golden: Case) throws {
    var options = SamplerOptions()
    if golden.schedule == "by hand" {
      options.sigmas = [14, 5.5, 2.25, 1, 0.3]
    } else if golden.schedule == "align-your-steps-xl" {
      (options.schedule, options.alignment) = (.alignYourSteps, .stableDiffusionXL)
    } else {
      options.schedule = SigmaSchedule(rawValue: golden.schedule)
    }
    let sampler = try Samplers.named(golden.sampler).make(.stableDiffusion, options)
    let plan = try sampler.plan(StepCount(golden.steps))
    #expect(plan.nodes.count == golden.timesteps.count)
    for (node, expected) in zip(plan.nodes, golden.timesteps) { #expect(abs(node.timestep - expected) < 2e-3) }
    var noise = Noise(seed: 7)
    let path = try trajectory(sampler, steps: golden.steps, start: Start(noise: ramp(-0.5, 0.5)), noise: &noise)
    let first = Tensor(path.map { $0[flat: 0] }, shape: [path.count])
    #expect(first.distance(to: Tensor(golden.first, shape: [golden.first.count])) < 2e-5)
    #expect(path.last!.distance(to: Tensor(golden.last, shape: [1, 4, 2, 2])) < 1e-4)
  }

  @Test func listsAreRefusedWhereTheyCannotBeObeyed() throws {
    var options = SamplerOptions()
    options.sigmas = [3, 3, 1]
    #expect(throws: SamplerError.self) { try Samplers.named("euler").make(.stableDiffusion, options) }
    options.sigmas = [3, 1]
    #expect(throws: SamplerError.self) { try Samplers.named("ddim").make(.stableDiffusion, options) }
    let euler = try Samplers.named("euler").make(.stableDiffusion, options)
    #expect(throws: SamplerError.self) { try euler.plan(StepCount(3)) }
    var zero = SchedulerConfig.stableDiffusion
    zero.rescaleBetasZeroSNR = true
    options = SamplerOptions()
    options.schedule = .alignYourSteps
    #expect(throws: SamplerError.self) { try Samplers.named("euler").make(zero, options).plan(StepCount(10)) }
  }

  /// 13/26 of 999 is 499.49999999999994 in NumPy, and 499.5 as a float.
  @Test(arguments: ["ddim", "ddpm", "pndm"])
  func wholeStepsAreRoundedFromDoubles(name: String) throws {
    var options = SamplerOptions()
    options.spacing = .linspace
    let plan = try Samplers.named(name).make(.stableDiffusion, options).plan(StepCount(27))
    let visited = plan.nodes.map(\.timestep)
    #expect(visited.contains(499) && !visited.contains(500), "\(visited)")
  }

  @Test(
    arguments: [
      ("UniPCMultistepScheduler", "unipc", \SchedulerConfig.predictX0, false),
      ("DEISMultistepScheduler", "deis", \.lowerOrderFinal, false),
      ("DPMSolverMultistepScheduler", "dpm++2m", \.useLuLambdas, true),
    ] as [(String, String, any WritableKeyPath<SchedulerConfig, Bool?> & Sendable, Bool)])
  func whatASamplerOfTheConfigsClassDoesNotDoIsRefused(
    scheduler: String, name: String, key: any WritableKeyPath<SchedulerConfig, Bool?> & Sendable, value: Bool
  ) throws {
    var config = SchedulerConfig.stableDiffusion
    config.className = scheduler
    config[keyPath: key] = !value
    #expect(try Samplers.own(of: config).name == name)
    config[keyPath: key] = value
    #expect(throws: SamplerError.self) { try Samplers.own(of: config) }
    // What is asked for by name takes its own defaults.
    _ = try Samplers.named(name).make(config)
    config[keyPath: key] = nil
    config.solverOrder = 3
    #expect(throws: SamplerError.self) { try Samplers.own(of: config) }
  }

  @Test func aSchedulerThatIsNotHereIsNamed() throws {
    var config = SchedulerConfig.stableDiffusion
    #expect(try Samplers.own(of: config).name == "ddim")
    config.className = "SASolverScheduler"
    #expect(throws: SamplerError.foreign(scheduler: "SASolverScheduler", instead: "choose a sampler")) {
      try Samplers.own(of: config)
    }
    // Another sampler will do, but not where the noise is another.
    _ = try Samplers.named("euler").make(config)
    config.className = "EDMEulerScheduler"
    let error = SamplerError.foreign(
      scheduler: "EDMEulerScheduler", instead: "its noise is of another kind: choose another model")
    #expect(throws: error) { try Samplers.named("euler").make(config) }
    #expect(throws: error) { try Samplers.own(of: config) }
  }

  /// From diffusers' LCMScheduler.set_timesteps with a strength, and without.
  @Test(arguments: [
    (0.5, true, [499, 379, 259, 139]), (0.8, true, [799, 599, 399, 199]), (1, true, [999, 759, 499, 259]),
    (0.5, false, [499, 259]),
  ])
  func aLatentConsistencyModelMakesAllStepsAtAnyStrength(strength: Double, shortens: Bool, visited: [Double]) throws {
    var options = SamplerOptions()
    options.shortensSchedule = shortens
    let sampler = try Samplers.named("lcm").make(.stableDiffusion, options)
    let plan = try sampler.plan(sampler.count(4, strength: strength, exact: false))
    #expect(plan.calls.map { plan.nodes[$0].timestep } == visited)
  }

  /// β by hand: those of the usual schedule make it again.
  @Test func trainedBetasAreTheSchedule() throws {
    var config = SchedulerConfig()
    let betas = (0..<1000).map { pow(sqrt(0.00085) + Double($0) / 999 * (sqrt(0.012) - sqrt(0.00085)), 2) }
    config.trainedBetas = betas
    let (found, usual) = (try NoiseSchedule(config), try NoiseSchedule(.stableDiffusion))
    #expect(zip(found.alphaBars, usual.alphaBars).allSatisfy { abs($0 - $1) < 1e-5 })
    config.trainedBetas = Array(betas.dropLast())
    #expect(throws: SamplerError.self) { try NoiseSchedule(config) }
  }

  /// scipy.stats.beta.ppf(p, 0.6, 0.6).
  @Test(
    arguments: [
      (0.001, 1.855873852e-05), (0.1, 0.03958440559), (0.25, 0.1756803787), (0.5, 0.5), (0.83, 0.9055191704),
    ] as [(Double, Double)])
  func quantilesAreScipys(p: Double, expected: Double) {
    #expect(abs(Beta.symmetric(0.6).quantile(p) / expected - 1) < 1e-9)
  }
}
