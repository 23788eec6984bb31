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
  private(set) var isShown = false
  /// Pictures that are being made, by the numbers that `begin` gave them.
  private var inHand: [Int: Course] = [:]
  private var begun = 0

  private struct Course {
    let origin: Origin
    let started = ContinuousClock.now
    var last = RunProgress(done: 0, total: 0, stage: "")
    var tenths = -1

    var fraction: Double { last.total > 0 ? Double(last.done) / Double(last.total) : 0 }
  }

  /// A picture is begun.
  mutating func begin(_ origin: Origin) -> Int {
    begun += 1
    inHand[begun] = Course(origin: origin)
    return begun
  }

  mutating func update(_ picture: Int, _ progress: RunProgress) { inHand[picture]?.last = progress }

  mutating func end(_ picture: Int) { inHand[picture] = nil }

  mutating func advance() { imagesDone += 1 }

  private var isBatch: Bool { images > 1 || imagesDone > 0 }

  /// "12 of 200 images, 3.1 a minute, 1 h 0 min left"
  var standing: String {
    let seconds = began.duration(to: .now).seconds
    let done = inHand.values.reduce(Double(imagesDone)) { $0 + $1.fraction }
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
  func plain(_ picture: Int) -> String {
    guard let course = inHand[picture] else { return standing }
    if inHand.count > 1 { return standing + "; \(inHand.count) in hand" }
    let progress = course.last
    let stage = progress.total > 0 ? "\(progress.stage) \(progress.done) of \(progress.total)" : "begun"
    var line = "\(course.origin): \(stage)"
    if isBatch { return standing + "; " + line }
    if progress.done > 0, progress.done < progress.total {
      let seconds = course.started.duration(to: .now).seconds
      line += ", \(Self.time(seconds / Double(progress.done) * Double(progress.total - progress.done))) left"
    }
    return line
  }

  /// For whoever asks: where the one picture in hand stands, or the batch.
  var answer: String { inHand.count == 1 ? plain(inHand.keys.first!) : standing }

  mutating func line(_ picture: Int, columns: Int) -> String {
    isShown = true
    let width = 20
    let fraction = inHand.values.reduce(0) { $0 + $1.fraction } / Double(max(inHand.count, 1))
    let filled = Int(Double(width) * fraction)
    let bar = String(repeating: "#", count: filled) + String(repeating: ".", count: width - filled)
    return "\r" + String("[\(bar)] \(plain(picture))".prefix(max(columns - 1, 10))) + "\u{1b}[K"
  }

  mutating func cleared() -> String {
    isShown = false
    return "\r\u{1b}[K"
  }

  /// A line at each tenth of the way; in a batch, one a picture; nil between.
  mutating func milestone(_ picture: Int) -> String? {
    let progress = inHand[picture]?.last ?? RunProgress(done: 0, total: 0, stage: "")
    let now = progress.total > 0 && !isBatch ? 10 * progress.done / progress.total : 0
    guard now > inHand[picture]?.tenths ?? now else { return nil }
    inHand[picture]?.tenths = now
    return "ldm: " + plain(picture)
  }

  func json(_ picture: Int) -> String {
    guard let course = inHand[picture] else { return "{}" }
    return JSON.object(
      course.origin.fields + [
        ("stage", .string(course.last.stage)), ("done", .integer(course.last.done)),
        ("total", .integer(course.last.total)),
        ("seconds", .number(course.started.duration(to: .now).seconds, digits: 3)),
        ("images_done", .integer(imagesDone)), ("images", .integer(max(images, imagesDone + 1))),
      ]
    ).text
  }
}

extension Duration {
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
