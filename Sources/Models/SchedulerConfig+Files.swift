import Diffusion
import Foundation
import Weights

extension SchedulerConfig {
  /// Reads what a diffusers scheduler_config.json says.
  ///
  /// - Throws: `ConfigError.unreadable` naming the file and the key whose value has a wrong kind.
  public init(_ config: Config) throws(ConfigError) {
    do {
      self = try JSONDecoder().decode(SchedulerConfig.self, from: config.json)
    } catch DecodingError.typeMismatch(let type, let context) {
      let key = context.codingPath.map(\.stringValue).joined(separator: ".")
      throw .unreadable(file: config.path, why: "\(key) is not of type \(type)")
    } catch {
      throw .unreadable(file: config.path, why: "\(error)")
    }
  }
}
