import Foundation
import LatentDiffusion

/// Not Foundation's.
typealias RunProgress = LatentDiffusion.Progress

/// Progress in its three looks: a line that is drawn over, lines for logs, and JSON.
struct ProgressBar {
  private var started = ContinuousClock.now
  private(set) var isShown = false
  private var tenths = -1

  mutating func begin() {
    started = .now
    tenths = -1
  }

  private var seconds: Double { started.duration(to: .now).seconds }

  /// "otter.jpg: sampling 12 of 20, 8 s left"
  func plain(_ progress: RunProgress, _ name: String) -> String {
    var line = "\(name): \(progress.stage) \(progress.done) of \(progress.total)"
    if progress.done > 0, progress.done < progress.total {
      let left = seconds / Double(progress.done) * Double(progress.total - progress.done)
      line += ", \(Int(left.rounded(.up))) s left"
    }
    return line
  }

  mutating func line(_ progress: RunProgress, _ name: String, columns: Int) -> String {
    isShown = true
    let width = 20
    let filled = progress.total > 0 ? width * progress.done / progress.total : 0
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
    return "\r" + String("[\(bar)] \(plain(progress, name))".prefix(max(columns - 1, 10))) + "\u{1b}[K"
  }

  mutating func cleared() -> String {
    isShown = false
    return "\r\u{1b}[K"
  }

  /// A line at each tenth of the way; nil between.
  mutating func milestone(_ progress: RunProgress, _ name: String) -> String? {
    let now = progress.total > 0 ? 10 * progress.done / progress.total : 0
    guard now > tenths else { return nil }
    tenths = now
    return "ldm: " + plain(progress, name)
  }

  func json(_ progress: RunProgress, _ name: String) -> String {
    JSON.object([
      ("in", .string(name)), ("stage", .string(progress.stage)), ("done", .integer(progress.done)),
      ("total", .integer(progress.total)), ("seconds", .number(seconds, digits: 3)),
    ]).text
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
