import Foundation
import LatentDiffusion

/// Finds the LoRAs that prompts name: in `loras` in the model's folder (beside the file, of a single one), in `$LDM_LORAS`,
/// `$XDG_DATA_HOME/ldm/loras`, `/usr/share/ldm/loras` and `../share/ldm/loras`; folders below these too.
struct LoRALocator: Sendable {
  let folders: [String]
  private static let suffixes = ["safetensors", "pt", "ckpt", "bin"]

  init(modelAt path: String, _ locator: ModelLocator) {
    var isFolder: ObjCBool = false
    _ = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    let home = isFolder.boolValue ? path : URL(fileURLWithPath: path).deletingLastPathComponent().path
    folders = ["\(home)/loras"] + locator.folders(of: "loras", variable: "LDM_LORAS")
  }

  /// The file called `name`, with or without its suffix.
  ///
  /// - Throws: `Failure` 66.
  @Sendable func file(named name: String) throws -> String {
    for folder in folders {
      let files = (FileManager.default.subpaths(atPath: folder) ?? []).sorted()
      for path in files {
        let file = URL(fileURLWithPath: path)
        guard Self.suffixes.contains(file.pathExtension.lowercased()) else { continue }
        if file.deletingPathExtension().lastPathComponent == name || file.lastPathComponent == name {
          return "\(folder)/\(path)"
        }
      }
    }
    let places = folders.joined(separator: ", ")
    throw Failure(
      .noInput, "no LoRA \(name) in \(places); put it there, or its folder into LDM_LORAS", stopsAll: true)
  }
}
