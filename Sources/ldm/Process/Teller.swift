import Foundation
import LatentDiffusion

/// All words of the process. They go to stderr, a line each, so that stdout carries data alone.
final class Teller {
  let options: TellingOptions
  private let isTerminal = isatty(STDERR_FILENO) != 0
  private var bar = ProgressBar()
  private var told = Set<String>()

  init(_ options: TellingOptions) { self.options = options }

  func error(_ line: String) { say("ldm: \(line)") }

  func warn(_ line: String) { if !options.quiet { say("ldm: \(line)") } }

  /// A fact that the user will want, as the seed that was drawn.
  func note(_ line: String) { if !options.quiet { say("ldm: \(line)") } }

  /// The same, once a process.
  func noteOnce(_ line: String) { if told.insert(line).inserted { note(line) } }

  func detail(_ line: @autoclosure () -> String) { if options.verbose { say("ldm: \(line())") } }

  /// Called for each step: shows it where progress is wanted, and lets a signal stop the run.
  func progress(_ progress: RunProgress, of name: String) throws {
    switch kind {
    case .json: Self.write(bar.json(progress, name) + "\n")
    case .auto: Self.write(bar.line(progress, name, columns: columns))
    case .always: if let line = bar.milestone(progress, name) { Self.write(line + "\n") }
    case .never: break
    }
    if Signals.progressWasAsked() { say("ldm: " + bar.plain(progress, name)) }
    try Signals.check()
  }

  func begin() { bar.begin() }

  /// Inputs to come, as far as they are known.
  func expect(images: Int) { bar.images = images }

  /// One input more is done with.
  func advance() { bar.advance() }

  /// Called while waiting for input or output: answers SIGUSR1, and lets a signal end the wait.
  func idle() throws {
    if Signals.progressWasAsked() { say("ldm: " + bar.standing) }
    try Signals.check()
  }

  /// Takes the bar away.
  func end() { if bar.isShown { Self.write(bar.cleared()) } }

  /// `auto` becomes a bar on a terminal that can show one, and nothing elsewhere.
  private var kind: TellingOptions.ProgressKind {
    if options.quiet { return .never }
    let canShow = isTerminal && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    switch options.progress {
    case .auto: return canShow ? .auto : .never
    case .always: return canShow ? .auto : .always
    case let kind: return kind
    }
  }

  private var columns: Int {
    var size = winsize()
    return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
  }

  private func say(_ line: String) {
    end()
    // One line, whatever was quoted in it.
    Self.write(line.split(whereSeparator: \.isNewline).joined(separator: " ") + "\n")
  }

  private static func write(_ text: String) {
    // A stderr that is gone is no reason to stop.
    try? Streams.write(Array(text.utf8), to: STDERR_FILENO)
  }
}
