import ArgumentParser
import LatentDiffusion

struct PluginOption: ParsableArguments {
  @Option(
    name: .customLong("plugin"),
    help: ArgumentHelp(
      """
      Adds a conditioner from a shared object, or from $LDM_PLUGIN_PATH by name; "ldm plugins" lists those. May be given \
      several times.
      """, valueName: "file.so[:key=value,...]"),
    completion: .file(extensions: ["so"]))
  var plugins: [String] = []

  var isEmpty: Bool { plugins.isEmpty }

  /// The conditioners, in the order given.
  ///
  /// - Throws: `PluginError`, `Failure` 69 for a name that is nowhere, 64 for options that are no key=value.
  func conditioners() throws -> [any Conditioner] {
    try plugins.map { text in
      let (file, options) = Self.parts(text)
      return try PluginConditioner(
        PluginLocator().plugin(file),
        options: options.map { option in
          guard let mark = option.firstIndex(of: "="), mark > option.startIndex else {
            throw Failure(.usage, "--plugin \(text): \"\(option)\" is no key=value", stopsAll: true)
          }
          return (
            Arguments.words(String(option[..<mark])), Arguments.words(String(option[option.index(after: mark)...]))
          )
        })
    }
  }

  /// "a.so:x=1,y=2" → "a.so", ["x=1", "y=2"]. A file's name may hold colons before its ".so".
  static func parts(_ text: String) -> (file: String, options: [Substring]) {
    let end = text.range(of: ".so:").map { text.index(before: $0.upperBound) } ?? text.firstIndex(of: ":")
    guard let end, !text.hasSuffix(".so") || text[end...].contains("=") else { return (text, []) }
    return (String(text[..<end]), text[text.index(after: end)...].split(separator: ","))
  }
}
