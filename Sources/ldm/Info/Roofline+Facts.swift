import Foundation
import LatentDiffusion

extension Roofline {
  /// A line for each bound and for each primitive.
  var table: String {
    func line(_ name: String, _ columns: [String]) -> String {
      "  " + name.padding(toLength: 36, withPad: " ", startingAt: 0)
        + columns.map { String(repeating: " ", count: max(10 - $0.count, 1)) + $0 }.joined()
    }
    func number(_ value: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", value) }
    let bounds = peaks.map { line("peak, \($0.precision.rawValue)", [number($0.gflops, 0), "GFLOPS"]) }
    let rows = primitives.map { one in
      let multiplies = one.operations > 0
      return line(
        one.name,
        [
          number(one.seconds * 1e3, 2), multiplies ? number(one.intensity, 0) : "-",
          multiplies ? number(one.gflops, 0) : "-", number(one.gigabytes, 1), number(share(one), 2),
        ])
    }
    return
      (bounds + [line("memory", [number(bandwidth, 1), "GB/s"])]
      + [line("", ["ms", "FLOP/byte", "GFLOPS", "GB/s", "of bound"])] + rows).joined(separator: "\n")
  }

  /// The same for a JSON object.
  var facts: [(String, JSON)] {
    [
      ("peaks", .object(peaks.map { ($0.precision.rawValue, .number($0.gflops, digits: 1)) })),
      ("gigabytes_per_second", .number(bandwidth, digits: 1)),
      (
        "primitives",
        .array(
          primitives.map { one in
            .object([
              ("name", .string(one.name)), ("seconds", .number(one.seconds, digits: 6)),
              ("gflop", .number(one.operations * 1e-9, digits: 3)), ("megabytes", .number(one.bytes * 1e-6, digits: 2)),
              ("share", .number(share(one), digits: 2)),
            ])
          })
      ),
    ]
  }
}
