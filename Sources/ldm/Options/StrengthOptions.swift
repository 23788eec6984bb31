import ArgumentParser
import LatentDiffusion

struct StrengthOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "How far to leave the input: 0 keeps it, 1 forgets it. Default: 0.75; inpaint: 1.", valueName: "x"))
  var strength: Double?

  @Flag(help: "Runs all --steps, whatever the strength; else int(steps x strength) of them.")
  var exactSteps = false

  func validate() throws {
    guard strength.map({ (0...1).contains($0) }) ?? true else {
      throw ValidationError("--strength must be from 0 to 1")
    }
  }

  func apply(to job: inout Job, default value: Double) {
    job.request.strength = strength ?? value
    job.sampling.exactSteps = exactSteps
  }
}
