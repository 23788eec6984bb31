import Foundation
import LatentDiffusion

/// Finds plug-ins: shared objects by path, or by name in the folders of `$LDM_PLUGIN_PATH`.
struct PluginLocator {
  private let folders: [String]

  init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    folders = (environment["LDM_PLUGIN_PATH"] ?? "").split(separator: ":").map(String.init)
  }

  /// - Parameter name: a path, where it holds a slash or ends in ".so"; else NAME.so or libNAME.so in a folder is meant.
  /// - Throws: `PluginError`, `Failure` 69.
  func plugin(_ name: String) throws -> Plugin {
    if name.contains("/") || name.hasSuffix(".so") { return try Plugin(at: Arguments.bytes(of: name)) }
    for folder in folders {
      for file in ["\(folder)/\(name).so", "\(folder)/lib\(name).so"] where FileManager.default.fileExists(atPath: file)
      {
        return try Plugin(at: Array(file.utf8))
      }
    }
    throw Failure(
      .unavailable, "no plug-in \(name); give its file, or put its folder into LDM_PLUGIN_PATH", stopsAll: true)
  }

  /// The shared objects of all folders, in order.
  var files: [String] {
    folders.flatMap { folder in
      ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasSuffix(".so") }.sorted()
        .map { "\(folder)/\($0)" }
    }
  }
}
