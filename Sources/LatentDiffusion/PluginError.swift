/// What can be wrong with a plug-in.
public enum PluginError: Error, Equatable, CustomStringConvertible {
  case cannotLoad(file: String, why: String)
  case noTable(file: String)
  case version(file: String, found: UInt32, expected: UInt32)
  case option(String, plugin: String, known: [String])
  /// In its own code.
  case failed(plugin: String, call: String, why: String)

  public var description: String {
    switch self {
    case .cannotLoad(let file, let why): "\(file): cannot be loaded: \(why)"
    case .noTable(let file): "\(file): no plug-in: it exports no ldm_plugin_table"
    case .version(let file, let found, let expected):
      "\(file): a plug-in of version \(found), this ldm takes \(expected); build it against this ldm's ldm_plugin.h"
    case .option(let option, let plugin, let known):
      "plug-in \(plugin) has no option \(option); "
        + (known.isEmpty ? "it takes none" : "it takes \(known.joined(separator: ", "))")
    case .failed(let plugin, let call, let why): "plug-in \(plugin) failed in \(call): \(why)"
    }
  }
}
