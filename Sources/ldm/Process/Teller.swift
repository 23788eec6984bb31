import Foundation
import LatentDiffusion
import Synchronization

/// All words of the process, from any thread. They go to stderr, a line each, so that stdout carries data alone.
final class Teller: Sendable {
  let options: TellingOptions
  private let isTerminal = isatty(STDERR_FILENO) != 0
  private let bar = Mutex(ProgressBar())
  private let told = Mutex<Set<String>>([])

  init(_ options: TellingOptions) { self.options = options }

  func error(_ line: String) { say("ldm: \(line)") }

  func warn(_ line: String) { if !options.quiet { say("ldm: \(line)") } }

  /// A fact that the user will want, as the seed that was drawn.
  func note(_ line: String) { if !options.quiet { say("ldm: \(line)") } }

  /// The same, once a process.
  func noteOnce(_ line: String) { if told.withLock({ $0.insert(line).inserted }) { note(line) } }

  func detail(_ line: @autoclosure () -> String) { if options.verbose { say("ldm: \(line())") } }

  /// A picture of `origin` is begun.
  ///
  /// - Returns: its number for `progress` and `end`.
  func begin(_ origin: Origin) -> Int { bar.withLock { $0.begin(origin) } }

  /// Called for each step of a picture: shows it where progress is wanted, and lets a signal stop the run.
  func progress(_ progress: RunProgress, of picture: Int) throws {
    bar.withLock { bar in
      bar.update(picture, progress)
      switch kind {
      case .json: Self.write(bar.json(picture) + "\n")
      case .auto: Self.write(bar.line(picture, columns: columns))
      case .always: if let line = bar.milestone(picture) { Self.write(line + "\n") }
      case .never: break
      }
      if Signals.progressWasAsked() { Self.say("ldm: " + bar.plain(picture), &bar) }
    }
    try Signals.check()
  }

  /// A picture is made, or given up.
  ///
  /// - Parameter completes: whether its input is done with.
  func end(_ picture: Int, completes: Bool) {
    bar.withLock { bar in
      bar.end(picture)
      if completes { bar.advance() }
    }
  }

  /// Inputs to come, as far as they are known.
  func expect(images: Int) { bar.withLock { $0.images = images } }

  /// One input more is done with.
  func advance() { bar.withLock { $0.advance() } }

  /// Called while waiting for input or output: answers SIGUSR1, and lets a signal end the wait.
  func idle() throws {
    if Signals.progressWasAsked() { bar.withLock { Self.say("ldm: " + $0.answer, &$0) } }
    try Signals.check()
  }

  /// Takes the bar away.
  func end() { bar.withLock { Self.clear(&$0) } }

  private static func clear(_ bar: inout ProgressBar) { if bar.isShown { write(bar.cleared()) } }

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

  private func say(_ line: String) { bar.withLock { Self.say(line, &$0) } }

  private static func say(_ line: String, _ bar: inout ProgressBar) {
    clear(&bar)
    // One line, whatever was quoted in it.
    write(line.split(whereSeparator: \.isNewline).joined(separator: " ") + "\n")
  }

  private static func write(_ text: String) {
    // A stderr that is gone is no reason to stop.
    try? Streams.write(Array(text.utf8), to: STDERR_FILENO)
  }
}
