import ArgumentParser
import Foundation

struct TellingOptions: ParsableArguments {
  enum ProgressKind: String, CaseIterable, ExpressibleByArgument { case auto, always, never, json }

  @Flag(name: .shortAndLong, help: "Tells errors alone.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Tells more: the model's folder, sizes, times.")
  var verbose = false

  @Option(help: ArgumentHelp("Progress on stderr: auto (on a terminal), always, never, json.", valueName: "when"))
  var progress: ProgressKind = .auto

  @Option(
    help: ArgumentHelp("Writes a line of JSON for each result: in, out, seed, seconds, status.", valueName: "file"),
    completion: .file())
  var report: String?

  @Flag(help: "Stops at the first input that fails.")
  var failFast = false

  func validate() throws {
    guard !(quiet && verbose) else { throw ValidationError("give --quiet or --verbose, not both") }
  }
}

/// Telling by pictures, of the commands that sample.
struct PreviewOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Writes there, after each step, what the picture looks like so far.", valueName: "file"),
    completion: .file())
  var preview: String?

  @Option(
    help: ArgumentHelp(
      "Autoencoder that decodes previews, as TAESD. Default: the model's own, which takes time.", valueName: "path"),
    completion: .directory)
  var previewVae: String?

  func validate() throws {
    guard previewVae == nil || preview != nil else { throw ValidationError("--preview-vae needs --preview") }
  }

  /// Where previews go.
  ///
  /// - Throws: `Failure` 73 where nothing can be written there.
  func file() throws -> FileName? {
    guard let name = preview.map(FileName.init) else { return nil }
    try Failure.naming("preview \(name)") { try OutputFile.check(name) }
    return name
  }
}
