import Diffusion
import Foundation
import Testing

/// `Golden/trajectories.json` is made by `Tests/Reference/samplers.py`.
@Suite struct TrajectoryTests {
  struct Case: Decodable, Sendable, CustomTestStringConvertible {
    var sampler: String
    var steps: Int
    var spacing: String?
    var prediction: String
    var schedule: String
    var strength: Double
    var zero: Bool
    var eta: Double
    var timesteps: [Double]
    var first: [Float]
    var last: [Float]

    var testDescription: String {
      "\(sampler) \(steps) \(spacing ?? "own") \(prediction) \(schedule) \(strength) \(zero) \(eta)"
    }
  }

  static let cases: [Case] = {
    let file = Bundle.module.bundleURL.appending(path: "Golden/trajectories.json")
    guard let data = try? Data(contentsOf: file) else { return [] }
    return (try? JSONDecoder().decode([Case].self, from: data)) ?? []
  }()

  @Test func theGoldenFileIsThere() {
    // plms has no class of its own, dpm++3m-sde another reference.
    #expect(Set(Self.cases.map(\.sampler)).count == Samplers.all.count - 2)
  }

  @Test(arguments: cases)
  func matchesTheReference(_ golden: Case) throws {
    var config = SchedulerConfig.stableDiffusion
    config.rescaleBetasZeroSNR = golden.zero
    var options = SamplerOptions()
    options.spacing = golden.spacing.flatMap(Spacing.init)
    options.prediction = Prediction(rawValue: golden.prediction)
    options.schedule = golden.schedule == "discrete" ? nil : SigmaSchedule(rawValue: golden.schedule)
    options.eta = golden.eta
    let sampler = try Samplers.named(golden.sampler).make(config, options)
    let start =
      golden.strength < 1
      ? Start(latents: ramp(-1, 1), noise: ramp(2, -1), strength: golden.strength)
      : Start(noise: ramp(-0.5, 0.5))
    var noise = Noise(seed: 7)
    let plan = try sampler.plan(StepCount(golden.steps, strength: golden.strength))
    let timesteps = plan.calls.map { plan.nodes[$0].timestep }
    #expect(timesteps.count == golden.timesteps.count)
    #expect(zip(timesteps, golden.timesteps).allSatisfy { abs($0 - $1) < 2e-3 }, "\(timesteps) \(golden.timesteps)")
    let path = try trajectory(sampler, steps: golden.steps, start: start, noise: &noise)
    let first = Tensor(path.map { $0[flat: 0] }, shape: [path.count])
    // From σ = 4096 the first step cancels to the last bits of single precision.
    let tolerance: Float = golden.zero ? 1e-4 : 2e-5
    #expect(first.distance(to: Tensor(golden.first, shape: [golden.first.count])) < tolerance)
    #expect(path.last!.distance(to: Tensor(golden.last, shape: [1, 4, 2, 2])) < 1e-4)
  }
}
