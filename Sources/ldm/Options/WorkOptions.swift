import ArgumentParser
import LatentDiffusion

/// How pictures larger than the model are worked on.
struct WorkOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      How large pictures are worked on: auto (in parts of the model's native size), native (resized to it and back), \
      input (one pass over all of it), or the longer side in pixels.
      """, valueName: "how"),
    completion: .list(["auto", "native", "input"]))
  var work: String = "auto"

  @Flag(
    help: """
      Corrects nothing after decoding: no paste, no back-projection, nothing matched; what the reference pipelines give.
      """)
  var raw = false

  @Option(
    help: ArgumentHelp("Encodes pictures by a draw from the posterior (sample) or by its mean.", valueName: "how"),
    completion: .list(Encoding.allCases.map(\.rawValue)))
  var encode: String?

  func validate() throws {
    _ = try value()
    if let encode { _ = try choice(encode, "--encode", Encoding.allCases.map(\.rawValue)) }
  }

  func value() throws -> Work {
    switch work {
    case "auto": return .auto
    case "native": return .native
    case "input": return .input
    default:
      guard let pixels = Int(work), (8...65536).contains(pixels) else {
        throw ValidationError("--work must be auto, native, input, or a length from 8 to 65536")
      }
      return .pixels(pixels)
    }
  }

  func apply(to job: inout Job) throws {
    job.work = try value()
    job.request.raw = raw
    job.request.encoding = encode.flatMap(Encoding.init)
  }
}
