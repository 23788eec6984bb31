import ArgumentParser
import LatentDiffusion

struct ModelOptions: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Name (see \"ldm models list\") or folder. Default: the built-in model.", valueName: "name|folder"),
    completion: .directory)
  var model: String?

  @Option(
    help: ArgumentHelp("Numbers of the networks: auto, f32, bf16.", valueName: "type"),
    completion: .list(Precision.allCases.map(\.rawValue)))
  var precision: String = "auto"

  @Option(name: .shortAndLong, help: ArgumentHelp("Threads of the networks. Default: all processors.", valueName: "n"))
  var threads: Int?

  func validate() throws {
    _ = try choice(precision, "--precision", Precision.allCases.map(\.rawValue))
    guard threads.map({ (1...1024).contains($0) }) ?? true else {
      throw ValidationError("--threads must be from 1 to 1024")
    }
  }

  /// The model's folder is found and looked at; its weights are read when a task first needs them.
  func engine() throws -> Engine {
    let path = try ModelLocator().path(of: model)
    return try Engine(modelAt: path, precision: Precision(rawValue: precision)!, threads: threads)
  }
}
