import Diffusion
import Foundation

/// y(x, t) = 0.6 x + 0.2 sin(t/100): the model of every recorded trajectory.
struct AnalyticModel: Denoiser {
  func predict(_ input: DenoiserInput) throws -> Tensor {
    let shift = 0.2 * sin(Float(input.timestep) / 100)
    return input.latents.map { 0.6 * $0 + shift }
  }
}

extension SchedulerConfig {
  /// Stable Diffusion 1.5's, without timestep_spacing.
  static var stableDiffusion: SchedulerConfig {
    var config = SchedulerConfig()
    config.trainSteps = 1000
    config.betaStart = 0.00085
    config.betaEnd = 0.012
    config.betaSchedule = "scaled_linear"
    config.stepsOffset = 1
    config.clipSample = false
    config.setAlphaToOne = false
    config.skipPRKSteps = true
    return config
  }
}

/// The latents after each call of the model.
func trajectory(
  _ sampler: any Sampler, steps: Int, start: Start? = nil, noise: inout Noise
) throws -> [Tensor] {
  let calls = Calls()
  var conditioning = Conditioning()
  conditioning.start = start
  conditioning.constrain = [{ x, _ in calls.append(x) }]
  var settings = SampleSettings()
  settings.steps = steps
  _ = try sample(AnalyticModel(), conditioning, sampler, settings, shape: [1, 4, 2, 2], noise: &noise)
  return calls.all
}

/// What passed a `constrain`. Used from one thread.
final class Calls: @unchecked Sendable {
  private(set) var all: [Tensor] = []

  func append(_ x: Tensor) -> Tensor {
    all.append(x)
    return x
  }
}

/// Evenly spaced numbers of latents' shape.
func ramp(_ start: Float, _ end: Float) -> Tensor {
  Tensor((0..<16).map { start + (end - start) * Float($0) / 15 }, shape: [1, 4, 2, 2])
}
