import ArgumentParser
import Foundation

/// How the process ends: one line on stderr at most, and its status.
enum Ending {
  static func end(with error: any Error) -> Never {
    if let interrupted = error as? Signals.Interrupted {
      Signals.die(by: interrupted.signal)
      exit(128 + interrupted.signal)
    }
    let status = LDM.exitCode(for: error)
    if status.isSuccess {
      // Help, version, completions: asked for, so on stdout.
      try? Streams.write(Array((LDM.fullMessage(for: error) + "\n").utf8), to: STDOUT_FILENO)
      exit(ExitStatus.done.rawValue)
    }
    if status == .validationFailure {
      let words = LDM.message(for: error).split(whereSeparator: \.isNewline).joined(separator: " ")
      let line = "ldm: \(words); see ldm --help"
      try? Streams.write(Array((line + "\n").utf8), to: STDERR_FILENO)
      exit(ExitStatus.usage.rawValue)
    }
    let failure = Failure(error)
    if let message = failure.message {
      let line = message.split(whereSeparator: \.isNewline).joined(separator: " ")
      try? Streams.write(Array("ldm: \(line)\n".utf8), to: STDERR_FILENO)
    }
    exit(failure.status.rawValue)
  }
}
