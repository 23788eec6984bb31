import ArgumentParser
import Foundation
import LatentDiffusion

struct SamplersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "samplers", abstract: "Lists samplers and schedules, each with its paper.")

  func run() throws {
    let names = Samplers.all.map(\.name) + SigmaSchedule.allCases.map(\.rawValue)
    let width = names.map(\.count).max() ?? 0
    func row(_ name: String, _ text: String) -> String {
      "  " + name.padding(toLength: width + 2, withPad: " ", startingAt: 0) + text
    }
    let lines =
      ["samplers (--sampler)"] + Samplers.all.map { row($0.name, $0.paper) }
      + ["schedules (--schedule)"] + SigmaSchedule.allCases.map { row($0.rawValue, $0.paper) }
    try Streams.write(Array((lines.joined(separator: "\n") + "\n").utf8), to: 1)
  }
}
