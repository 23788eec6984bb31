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

  @Flag(help: "Times single layers too, and tells how near each comes to what the machine can do.")
  var roofline = false

  @Flag(help: "As JSON.") var json = false

  @Option(
    help: ArgumentHelp("An earlier run's --json output: ratios of this run's seconds to its.", valueName: "file"))
  var compare: String?

  func validate() throws {
    _ = try choice(task, "--task", Job.Task.allCases.map(\.rawValue))
    guard (1...1000).contains(runs) else { throw ValidationError("--runs must be from 1 to 1000") }
  }

  func run() throws {
    let earlier = try compare.map { try Self.seconds(in: Source($0)) }
    let engine = try model.engine()
    let times = try engine.times(of: Job.Task(rawValue: task)!, size: size.value(), runs: runs) { _ in
      try Signals.check()
    }
    if let growth = engine.cache?.growth { try Streams.write(Array("ldm: \(growth)\n".utf8), to: STDERR_FILENO) }
    let roofline = try roofline ? engine.roofline(runs: runs, progress: Signals.check) : nil
    try Signals.check()
    let text =
      json
      ? object(engine, times, roofline, earlier).text
      : table(times, earlier) + (roofline.map { "\n" + $0.table } ?? "")
    try Streams.write(Array((text + "\n").utf8), to: STDOUT_FILENO)
  }

  /// Seconds by part of a file that `--json` wrote.
  private static func seconds(in source: Source) throws -> [String: Double] {
    try Failure.naming(source) {
      let bytes = try Streams.read(source, limit: 16 << 20)
      guard let object = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any] else {
        throw Failure(.badData, "not what ldm bench --json writes")
      }
      return object.compactMapValues { ($0 as? [String: Any])?["seconds"] as? Double }
    }
  }

  private func object(
    _ engine: Engine, _ times: PartTimes, _ roofline: Roofline?, _ earlier: [String: Double]?
  ) -> JSON {
    var fields: [(String, JSON)] = [
      ("model", .string(engine.path)), ("size", .array([.integer(times.size.width), .integer(times.size.height)])),
      ("threads", .integer(times.threads)), ("cpu", .string(times.cpu)), ("precision", .string(model.precision)),
    ]
    for part in times.parts {
      var facts: [(String, JSON)] = [("seconds", .number(part.seconds, digits: 6))]
      if part.name == "unet_step" { facts.append(("rows", .integer(times.rows))) }
      if let gflops = part.gflops { facts.append(("gflops", .number(gflops, digits: 1))) }
      if let before = earlier?[part.name] { facts.append(("ratio", .number(part.seconds / before, digits: 3))) }
      fields.append((part.name, .object(facts)))
    }
    fields += [("peak_gflops", .number(times.peakGFLOPS, digits: 1)), ("peak_bytes", .integer(times.peakBytes))]
    return .object(fields + (roofline?.facts ?? []))
  }

  private func table(_ times: PartTimes, _ earlier: [String: Double]?) -> String {
    let head = "\(times.size.width) x \(times.size.height), \(times.threads) threads, \(times.cpu), \(model.precision)"
    let rows = times.parts.map { part in
      var row = "  " + part.name.padding(toLength: 14, withPad: " ", startingAt: 0)
      row += String(format: "%8.3f s", part.seconds)
      if let gflops = part.gflops {
        row += String(format: "%8.0f GFLOPS, %.2f of the peak", gflops, gflops / times.peakGFLOPS)
      }
      if let before = earlier?[part.name] { row += String(format: ", %.2f x the earlier", part.seconds / before) }
      return row
    }
    let tail = [
      String(format: "  one product   %8.0f GFLOPS: the peak", times.peakGFLOPS),
      "  peak memory   \(times.peakBytes >> 20) MiB",
    ]
    return ([head] + rows + tail).joined(separator: "\n")
  }
}
