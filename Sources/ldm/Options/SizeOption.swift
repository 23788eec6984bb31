import ArgumentParser
import LatentDiffusion

struct SizeOption: ParsableArguments {
  @Option(help: ArgumentHelp("Width and height of the result in pixels.", valueName: "WxH"))
  var size: String?

  func validate() throws { _ = try value() }

  /// - Throws: `ValidationError` unless it reads "640x480".
  func value() throws -> Size? {
    guard let size else { return nil }
    let parts = size.lowercased().split(separator: "x", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let width = parts[0], let height = parts[1], (1...65536).contains(width),
      (1...65536).contains(height)
    else { throw ValidationError("--size \(size) is not WIDTHxHEIGHT, as in 640x480") }
    return Size(height: height, width: width)
  }
}
