import Foundation
import LatentDiffusion

/// Not Foundation's.
typealias RunProgress = LatentDiffusion.Progress

/// Progress in its three looks: a line that is drawn over, lines for logs, and JSON.
struct ProgressBar {
  /// Inputs to come, as far as they are known: a stream may hold more.
  var images = 1
  private var imagesDone = 0
  private let began = ContinuousClock.now
  private var started = ContinuousClock.now
  private(set) var isShown = false
  private var tenths = -1

  /// A picture is begun.
  mutating func begin() {
    started = .now
    tenths = -1
  }

  mutating func advance() { imagesDone += 1 }

  private var isBatch: Bool { images > 1 || imagesDone > 0 }

  /// "12 of 200 images, 3.1 a minute, 1 h 0 min left"
  var standing: String { standing(fraction: 0) }

  private func standing(fraction: Double) -> String {
    let seconds = began.duration(to: .now).seconds
    let done = Double(imagesDone) + fraction
    var line = imagesDone < images ? "\(imagesDone) of \(images) images" : "\(imagesDone) images"
    if imagesDone > 0 { line += ", " + Self.rate(Double(imagesDone) / seconds) }
    if done > 0, imagesDone < images { line += ", \(Self.time(seconds / done * (Double(images) - done))) left" }
    return line
  }

  private static func rate(_ perSecond: Double) -> String {
    let (value, unit) = perSecond >= 1 ? (perSecond, "second") : (perSecond * 60, "minute")
    return String(format: "%.\(value < 10 ? 1 : 0)f a \(unit)", value)
  }

  private static func time(_ seconds: Double) -> String {
    let seconds = Int(min(seconds.rounded(.up), 1e9))
    if seconds < 120 { return "\(seconds) s" }
    let minutes = (seconds + 30) / 60
    return minutes < 120 ? "\(minutes) min" : "\(minutes / 60) h \(minutes % 60) min"
  }

  /// "otter.jpg: sampling 12 of 20, 8 s left"; in a batch, where the batch stands in front.
  func plain(_ progress: RunProgress, _ name: String) -> String {
    var line = "\(name): \(progress.stage) \(progress.done) of \(progress.total)"
    if isBatch {
      let fraction = progress.total > 0 ? Double(progress.done) / Double(progress.total) : 0
      return standing(fraction: fraction) + "; " + line
    }
    if progress.done > 0, progress.done < progress.total {
      let seconds = started.duration(to: .now).seconds
      line += ", \(Self.time(seconds / Double(progress.done) * Double(progress.total - progress.done))) left"
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

  /// A line at each tenth of the way; in a batch, one a picture; nil between.
  mutating func milestone(_ progress: RunProgress, _ name: String) -> String? {
    let now = progress.total > 0 && !isBatch ? 10 * progress.done / progress.total : 0
    guard now > tenths else { return nil }
    tenths = now
    return "ldm: " + plain(progress, name)
  }

  func json(_ progress: RunProgress, _ name: String) -> String {
    JSON.object([
      ("in", .string(name)), ("stage", .string(progress.stage)), ("done", .integer(progress.done)),
      ("total", .integer(progress.total)), ("seconds", .number(started.duration(to: .now).seconds, digits: 3)),
      ("images_done", .integer(imagesDone)), ("images", .integer(max(images, imagesDone + 1))),
    ]).text
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
