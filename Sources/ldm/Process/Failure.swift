import ArgumentParser
import Foundation
import LatentDiffusion
import Weights

/// An error as the command line tells it: one line, and the process's status.
struct Failure: Error {
  var status: ExitStatus
  /// "what; what to do". nil where all was told already.
  var message: String?
  /// Not the input's fault: the inputs after it would fail in the same way.
  var stopsAll = false
  /// How the command is used is of help.
  var showsUsage = false

  init(_ status: ExitStatus, _ message: String?, stopsAll: Bool = false) {
    (self.status, self.message, self.stopsAll) = (status, message, stopsAll)
  }

  /// By the system's error number.
  init(_ status: ExitStatus, errno code: Int32, _ what: String = "") {
    self.init(status, (what.isEmpty ? "" : what + ": ") + String(cString: strerror(code)))
  }

  /// What `body` gives. Of what it throws as a `Failure` the message begins with a name: "mask.png: is empty".
  static func naming<R>(_ name: some CustomStringConvertible, _ body: () throws -> R) throws -> R {
    do {
      return try body()
    } catch var failure as Failure {
      failure.message = "\(name): \(failure.message ?? "")"
      throw failure
    }
  }

  /// What the engine or the codecs threw.
  init(_ error: any Error) {
    switch error {
    case let failure as Failure: self = failure
    case ImageError.cannotEncode: self.init(.cannotCreate, "\(error)")
    case is ImageError, is Refusal: self.init(.badData, "\(error)")
    case CheckpointError.noModel, SamplerError.foreign: self.init(.unavailable, "\(error)", stopsAll: true)
    case ModelError.task, ConditioningError.unsuited: self.init(.usage, "\(error)", stopsAll: true)
    case SamplerError.unknown, SamplerError.unsupported, SamplerError.range, ConditioningError.range:
      self.init(.usage, "\(error)", stopsAll: true)
    case is ModelError, is CheckpointError, is ConversionError, is ConfigError, is WeightsError, is TokenizerError:
      self.init(.badData, "\(error)", stopsAll: true)
    case PluginError.option: self.init(.usage, "\(error)", stopsAll: true)
    case PluginError.failed: self.init(.badData, "\(error)")
    case is PluginError: self.init(.unavailable, "\(error)", stopsAll: true)
    case is ConditioningError: self.init(.badData, "\(error)")
    case let error as ValidationError: self.init(.usage, error.message)
    default: self.init(.software, "\(error)")
    }
  }
}
