import ArgumentParser
import Foundation
import LatentDiffusion

struct SamplersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "samplers", abstract: "Lists samplers and schedules, each with its paper.")

  func run() throws {
    let schedules = [
      SigmaSchedule.discrete: "the model's own training steps", .karras: "Karras et al. 2022, arXiv:2206.00364, eq. 5",
      .exponential: "evenly spaced in log sigma; Crowson 2022, k-diffusion",
    ]
    let width = Samplers.all.map(\.name.count).max() ?? 0
    func row(_ name: String, _ text: String) -> String {
      "  " + name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + text
    }
    let lines =
      ["samplers (--sampler)"] + Samplers.all.map { row($0.name, $0.paper) }
      + ["schedules (--schedule)"] + SigmaSchedule.allCases.map { row($0.rawValue, schedules[$0] ?? "") }
    try Streams.write(Array((lines.joined(separator: "\n") + "\n").utf8), to: 1)
  }
}
