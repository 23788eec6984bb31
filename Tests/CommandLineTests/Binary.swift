import Foundation

/// The real `ldm`, run as a user runs it.
struct Binary {
  /// A folder of the test's own, removed with it.
  let folder: URL
  let path: URL

  struct Outcome {
    var status: Int32
    /// By a signal, not by exit.
    var wasKilled: Bool
    var output: [UInt8]
    var words: String
  }

  /// Beside the test bundle.
  static var built: URL {
    // SwiftPM runs swift-testing from a binary in the products' folder.
    let own = URL(fileURLWithPath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
    let candidates = [own, Bundle.main.bundleURL]
    return candidates.map { $0.appendingPathComponent("ldm") }.first {
      FileManager.default.isExecutableFile(atPath: $0.path)
    } ?? own.appendingPathComponent("ldm")
  }

  init(at path: URL = Binary.built) throws {
    self.path = path
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("ldm-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  func file(_ name: String) -> URL { folder.appendingPathComponent(name) }

  /// Runs a shell command in the folder, with `$ldm` the binary.
  func shell(_ command: String) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging(["ldm": path.path]) { $1 }
    let (out, err) = (file(".out"), file(".err"))
    for file in [out, err] { try Data().write(to: file) }
    process.standardOutput = try FileHandle(forWritingTo: out)
    process.standardError = try FileHandle(forWritingTo: err)
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    let words = String(decoding: try Data(contentsOf: err), as: UTF8.self)
    let output = [UInt8](try Data(contentsOf: out))
    for file in [out, err] { try FileManager.default.removeItem(at: file) }
    return Outcome(
      status: process.terminationStatus, wasKilled: process.terminationReason == .uncaughtSignal, output: output,
      words: words)
  }

  /// Names in the folder, hidden ones too.
  var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted() }
}
