import Diffusion
import Foundation
import Weights

extension SchedulerConfig {
  /// Reads a diffusers scheduler_config.json.
  ///
  /// - Throws: `ConfigError.unreadable` naming the file and, where a value has a wrong kind, its key.
  public init(at path: String) throws(ConfigError) {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw .unreadable(file: path, why: "cannot be read")
    }
    do {
      self = try JSONDecoder().decode(SchedulerConfig.self, from: data)
    } catch DecodingError.typeMismatch(let type, let context) {
      let key = context.codingPath.map(\.stringValue).joined(separator: ".")
      throw .unreadable(file: path, why: "\(key) is not of type \(type)")
    } catch {
      throw .unreadable(file: path, why: "not a JSON object")
    }
  }
}
