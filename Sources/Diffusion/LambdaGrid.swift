import Foundation

/// What the solvers in λ = ln(α/σ) share: DPM-Solver++ and UniPC. Latents preserve variance.
struct LambdaGrid: Sendable {
  let grid: TimeGrid
  /// Keeps the fraction of Karras' steps out by truncating instead of rounding, as diffusers does in one case.
  let truncatesKarras: Bool
  /// Ends at the cleanest training step, or at the last σ where that is cleaner, instead of at clean latents.
  var endsNoisy = false

  func plan(_ steps: StepCount) throws(SamplerError) -> Plan {
    if let list = try grid.list(steps.total) {
      return plan(steps, list.map { grid.noise.timestep(ofSigma: $0) }, list)
    }
    let (timesteps, sigmas) = try nodes(steps.total)
    return plan(steps, timesteps.map(Double.init), sigmas)
  }

  private func nodes(_ n: Int) throws(SamplerError) -> (timesteps: [Int], sigmas: [Double]) {
    var timesteps = try grid.multistepTimesteps(n)
    var sigmas = timesteps.map { Double(grid.noise.sigmas[$0]) }
    if grid.schedule != .discrete {
      // Between the σ of all training steps, whatever the spacing.
      let all = grid.noise.sigmas
      sigmas = grid.curve(n, from: Double(all[all.count - 1]), to: Double(all[0]))
      let rounds = grid.schedule == .karras && !truncatesKarras
      timesteps = sigmas.map { sigma in
        let t = grid.noise.timestep(ofSigma: sigma)
        return Int(rounds ? t.rounded(.toNearestOrEven) : t)
      }
    }
    return (timesteps, sigmas)
  }

  private func plan(_ steps: StepCount, _ timesteps: [Double], _ sigmas: [Double]) -> Plan {
    var levels = sigmas.map { NoiseLevel(sigma: Double(Float($0))).preserving }
    let least = min(Double(grid.noise.sigmas[0]), sigmas[sigmas.count - 1])
    levels.append(endsNoisy ? NoiseLevel(sigma: Double(Float(least))).preserving : .clean)
    let nodes = timesteps.indices.map { i in
      Plan.Node(timestep: timesteps[i], level: levels[i], next: levels[i + 1])
    }
    return Plan(nodes: nodes, first: steps.skipped)
  }
}

extension NoiseLevel {
  /// λ = ln α - ln σ, half the log signal-to-noise ratio; infinite at the clean end.
  var lambda: Double { log(signal) - log(noise) }
}
