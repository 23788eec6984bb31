import ArgumentParser
import LatentDiffusion

struct SamplingOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Steps of the sampler. Default: the model's.", valueName: "n"))
  var steps: Int?

  @Option(
    help: ArgumentHelp("Sampler; \"ldm samplers\" lists them. Default: the model's.", valueName: "name"),
    completion: .list(Samplers.all.map(\.name)))
  var sampler: String?

  @Option(
    help: ArgumentHelp(
      "Noise levels: \(SigmaSchedule.allCases.map(\.rawValue).joined(separator: ", ")).", valueName: "name"),
    completion: .list(SigmaSchedule.allCases.map(\.rawValue)))
  var schedule: String?

  @Option(
    help: ArgumentHelp(
      "Noise levels by hand, falling, with commas: 14.6,6.5,3.9,1.9,0.6. As many steps.", valueName: "list"))
  var sigmas: String?

  @Option(
    help: ArgumentHelp("Which training steps are visited: leading, trailing, linspace.", valueName: "name"),
    completion: .list(Spacing.allCases.map(\.rawValue)))
  var spacing: String?

  @Option(
    help: ArgumentHelp("What the UNet predicts, where its config is wrong: epsilon, v, sample.", valueName: "kind"),
    completion: .list(["epsilon", "v", "sample"]))
  var prediction: String?

  @Option(
    help: ArgumentHelp("Share of fresh noise at each step, 0 to 1, of ddim (default 0) and tcd (0.3).", valueName: "x"))
  var eta: Double?

  @Option(help: ArgumentHelp("Start of the random numbers, 0 to 2^64-1. Default: drawn, and told.", valueName: "n"))
  var seed: UInt64?

  @Option(
    help: ArgumentHelp("Random numbers of PyTorch's CPU generator (torch) or CUDA's (philox).", valueName: "name"),
    completion: .list(Noise.Generator.allCases.map(\.rawValue)))
  var rng: String = "torch"

  @Option(help: ArgumentHelp("Pictures for each input, from seed, seed+1, ...", valueName: "n"))
  var count: Int = 1

  @OptionGroup var approximation: ApproximationOptions

  func validate() throws {
    guard steps.map({ (1...1000).contains($0) }) ?? true else {
      throw ValidationError("--steps must be from 1 to 1000")
    }
    guard eta.map({ (0...1).contains($0) }) ?? true else { throw ValidationError("--eta must be from 0 to 1") }
    guard (1...100_000).contains(count) else { throw ValidationError("--count must be from 1 to 100000") }
    guard sigmas == nil || steps == nil && schedule == nil && spacing == nil else {
      throw ValidationError("--sigmas says it all: leave out --steps, --schedule and --spacing")
    }
    _ = try values()
  }

  /// The engine's options, without the seed.
  func values() throws -> Sampling {
    var result = Sampling()
    result.steps = steps
    result.sampler = try sampler.map { name in try choice(name, "--sampler", Samplers.all.map(\.name)) }
    result.schedule = try schedule.map { try choice($0, "--schedule", SigmaSchedule.allCases.map(\.rawValue)) }
    result.spacing = try spacing.map { name in
      Spacing(rawValue: try choice(name, "--spacing", Spacing.allCases.map(\.rawValue)))!
    }
    result.prediction = try prediction.map { name in
      switch try choice(name, "--prediction", ["epsilon", "v", "sample"]) {
      case "epsilon": .epsilon
      case "v": .v
      default: .sample
      }
    }
    result.sigmas = try sigmas.map(Self.levels)
    result.eta = eta
    result.generator = Noise.Generator(
      rawValue: try choice(rng, "--rng", Noise.Generator.allCases.map(\.rawValue)))!
    try approximation.apply(to: &result)
    return result
  }

  private static func levels(_ list: String) throws -> [Double] {
    var levels = list.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) ?? .nan }
    if levels.last == 0 { levels.removeLast() }
    guard (1...1000).contains(levels.count), levels.allSatisfy({ $0 > 0 && $0.isFinite }),
      zip(levels, levels.dropFirst()).allSatisfy({ $0 > $1 })
    else { throw ValidationError("--sigmas must be 1 to 1000 falling numbers above 0, with commas between them") }
    return levels
  }
}

/// `name` if it is one of `known`, else a usage error that lists them.
func choice(_ name: String, _ option: String, _ known: [String]) throws -> String {
  guard known.contains(name) else {
    throw ValidationError("\(option) \(name) is not known; choose one of \(known.joined(separator: ", "))")
  }
  return name
}
