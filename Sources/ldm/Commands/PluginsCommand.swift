import ArgumentParser
import Foundation
import LatentDiffusion

struct PluginsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plugins", abstract: "Lists the conditioners that are here, and where each came from.",
    discussion: """
      Those of the package serve the commands; shared objects in the folders of $LDM_PLUGIN_PATH, or given with --plugin, \
      add to them.
      """)

  @OptionGroup var plugins: PluginOption
  @Flag(help: "As JSON, an object a line.") var json = false

  private static let own = [
    ("text", "what the picture shows, and what it does not"),
    ("image", "a picture to start from, kept as far as --strength says"),
    ("inpainting", "a mask: repaints there and keeps the rest"),
    ("super-resolution", "a small picture to enlarge"),
    ("depth", "a depth map that depth models keep to"),
  ]

  func run() throws {
    for (name, summary) in Self.own { try show(name, summary, options: [], from: "ldm") }
    let locator = PluginLocator()
    let teller = Teller(try TellingOptions.parse([]))
    let given = plugins.plugins.map { PluginOption.parts($0).file }
    for file in given { try show(locator.plugin(file)) }
    for file in locator.files {
      // One that is of no use is no reason to hide the others.
      do { try show(Plugin(at: Array(file.utf8))) } catch let error as PluginError { teller.warn("\(error)") }
    }
  }

  private func show(_ plugin: Plugin) throws {
    try show(plugin.name, plugin.summary, options: plugin.options, from: plugin.path)
  }

  private func show(_ name: String, _ summary: String, options: [String], from place: String) throws {
    let text =
      json
      ? JSON.object([
        ("name", .string(name)), ("summary", .string(summary)), ("options", .array(options.map(JSON.string))),
        ("from", .string(place)),
      ]).text
      : (["\(name)\t\(summary)\t\(place)"] + options.map { "\t\($0)" }).joined(separator: "\n")
    try Streams.write(Array((text + "\n").utf8), to: STDOUT_FILENO)
  }
}
