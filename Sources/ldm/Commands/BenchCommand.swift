import ArgumentParser
import Foundation
import LatentDiffusion

struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Times a model's parts on this machine.",
    discussion: "Medians over --runs. A guided step runs two rows of the UNet at once.")

  @OptionGroup(title: "Model") var model: ModelOptions
  @OptionGroup var size: SizeOption

  @Option(help: ArgumentHelp("Part of the model: txt2img, img2img, inpaint, upscale.", valueName: "task"))
  var task: String = "txt2img"

  @Option(help: ArgumentHelp("Runs of each part.", valueName: "n"))
  var runs: Int = 5

  @Flag(help: "As JSON.") var json = false

  func validate() throws {
    _ = try choice(task, "--task", Job.Task.allCases.map(\.rawValue))
    guard (1...1000).contains(runs) else { throw ValidationError("--runs must be from 1 to 1000") }
  }

  func run() throws {
    let engine = try model.engine()
    let times = try engine.times(of: Job.Task(rawValue: task)!, size: size.value(), runs: runs) { _ in
      try Signals.check()
    }
    let text = json ? object(engine, times).text : table(times)
    try Streams.write(Array((text + "\n").utf8), to: STDOUT_FILENO)
  }

  private func parts(_ times: PartTimes) -> [(name: String, seconds: Double?)] {
    [
      ("load", times.load), ("text_encoder", times.textEncoder), ("unet_step", times.unetStep),
      ("vae_encode", times.vaeEncode), ("vae_decode", times.vaeDecode),
    ]
  }

  private func object(_ engine: Engine, _ times: PartTimes) -> JSON {
    var fields: [(String, JSON)] = [
      ("model", .string(engine.path)), ("size", .array([.integer(times.size.width), .integer(times.size.height)])),
      ("threads", .integer(times.threads)), ("cpu", .string(times.cpu)), ("precision", .string(model.precision)),
    ]
    for (name, seconds) in parts(times) {
      guard let seconds else { continue }
      var part: [(String, JSON)] = [("seconds", .number(seconds, digits: 6))]
      if name == "unet_step" { part.append(("rows", .integer(times.rows))) }
      fields.append((name, .object(part)))
    }
    fields.append(("peak_bytes", .integer(times.peakBytes)))
    return .object(fields)
  }

  private func table(_ times: PartTimes) -> String {
    let head = "\(times.size.width) x \(times.size.height), \(times.threads) threads, \(times.cpu), \(model.precision)"
    let rows = parts(times).compactMap { part in
      part.seconds.map {
        "  " + part.name.padding(toLength: 14, withPad: " ", startingAt: 0) + String(format: "%8.3f s", $0)
      }
    }
    return ([head] + rows + ["  peak memory   \(times.peakBytes >> 20) MiB"]).joined(separator: "\n")
  }
}
