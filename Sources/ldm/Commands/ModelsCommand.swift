import ArgumentParser
import Foundation
import LatentDiffusion

struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models", abstract: "Shows the models that are here; converts them; packs their weights.",
    discussion: """
      Looked for in $LDM_MODELS, $XDG_DATA_HOME/ldm/models, the Hugging Face cache, /usr/share/ldm/models and \
      ../share/ldm/models beside the binary: folders in diffusers' layout, and single files.
      """,
    subcommands: [List.self, Path.self, Convert.self, Pack.self], defaultSubcommand: List.self)

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists names and paths.")

    @Flag(help: "As JSON.") var json = false

    func run() throws {
      let models = ModelLocator().all()
      let lines =
        json
        ? [JSON.array(models.map { .object([("name", .string($0.name)), ("path", .string($0.path))]) }).text]
        : models.map { "\($0.name)\t\($0.path)" }
      try Streams.write(Array(lines.map { $0 + "\n" }.joined().utf8), to: STDOUT_FILENO)
    }
  }

  struct Path: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Prints the path of a model.")

    @Argument(help: "The model's name.") var name: String

    func run() throws {
      try Streams.write(Array((ModelLocator().path(of: name) + "\n").utf8), to: STDOUT_FILENO)
    }
  }
}
