import Foundation

/// `--report`: a line of JSON for each result, written as it comes; from any thread.
final class Report: Sendable {
  private let file: Int32

  /// - Parameter name: of a file; "-" is stderr.
  /// - Throws: `Failure` 73.
  init(_ name: String) throws {
    file = try name == "-" ? STDERR_FILENO : Streams.open(FileName(name), O_WRONLY | O_CREAT | O_TRUNC)
    guard file >= 0 else { throw Failure(.cannotCreate, errno: errno, "report \(FileName(name))") }
  }

  deinit { if file != STDERR_FILENO { close(file) } }

  /// - Parameter output: where the result went; nil where there is none.
  func add(
    _ origin: Origin, output: Destinations.Target?, seed: UInt64?, seconds: Double, status: ExitStatus, message: String?
  ) throws {
    var fields = origin.fields
    switch output {
    case .file(let name)?: fields += JSON.name("out", name.bytes)
    case .standardOutput?: fields.append(("out", .string("-")))
    case nil: fields.append(("out", .null))
    }
    fields += [
      ("seed", seed.map(JSON.unsigned) ?? .null), ("seconds", .number(seconds, digits: 3)),
      ("status", .integer(Int(status.rawValue))),
    ]
    if let message { fields.append(("message", .string(message))) }
    do {
      try Streams.write(Array((JSON.object(fields).text + "\n").utf8), to: file)
    } catch is Signals.Interrupted where file == STDERR_FILENO {
      return  // A stderr that is gone is no reason to stop.
    } catch let failure as Failure {
      throw Failure(failure.status, "report: \(failure.message ?? "")", stopsAll: true)
    }
  }
}
