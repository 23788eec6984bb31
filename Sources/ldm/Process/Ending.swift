import ArgumentParser
import Foundation

/// How the process ends: one line on stderr at most, or two where usage is shown, and its status.
enum Ending {
  /// - Parameter arguments: of the process, for the command whose help is of use.
  static func end(with error: any Error, _ arguments: [String]) -> Never {
    if let interrupted = error as? Signals.Interrupted {
      Signals.die(by: interrupted.signal)
      exit(128 + interrupted.signal)
    }
    let status = LDM.exitCode(for: error)
    if status.isSuccess {
      if let unknown = unknownCommand(arguments) { end(Failure(.usage, unknown)) }
      // Help, version, completions: asked for, so on stdout.
      do {
        try Streams.write(Array((LDM.fullMessage(for: error) + "\n").utf8), to: STDOUT_FILENO)
      } catch {
        var failure = Failure(error)
        failure.message = failure.message.map { "standard output: \($0)" }
        end(failure)
      }
      exit(ExitStatus.done.rawValue)
    }
    if status == .validationFailure {
      let command = arguments.first.flatMap { name in LDM.commands.first { $0 == name } }
      let help = ["ldm", command, "--help"].compactMap { $0 }.joined(separator: " ")
      end(Failure(.usage, unknownCommand(arguments) ?? "\(LDM.message(for: error)); see \(help)"))
    }
    let failure = Failure(error)
    end(failure, usage: failure.showsUsage ? usage(arguments) : nil)
  }

  private static func end(_ failure: Failure, usage: String? = nil) -> Never {
    if let message = failure.message {
      let line = "ldm: " + message.split(whereSeparator: \.isNewline).joined(separator: " ")
      let lines = [line, usage].compactMap { $0 }.map { $0 + "\n" }.joined()
      try? Streams.write(Array(lines.utf8), to: STDERR_FILENO)
    }
    exit(failure.status.rawValue)
  }

  /// "Usage: ldm upscale [<options>] [<file> ...]"
  private static func usage(_ arguments: [String]) -> String? {
    let command = LDM.configuration.subcommands.first { $0.configuration.commandName == arguments.first }
    return command.map { "Usage: \(LDM.usageString(for: $0))" }
  }

  private static func unknownCommand(_ arguments: [String]) -> String? {
    let words = arguments.first == "help" ? arguments.dropFirst() : arguments[...]
    guard let name = words.first, !name.hasPrefix("-"), !(LDM.commands + ["help"]).contains(name) else {
      return nil
    }
    return "no command \(FileName(name)); there are \(LDM.commands.joined(separator: ", ")); see ldm --help"
  }
}
