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

  /// The folder that holds Package.swift.
  static var repository: URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  }

  init(at path: URL = Binary.built) throws {
    self.path = path
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("ldm-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  func file(_ name: String) -> URL { folder.appendingPathComponent(name) }

  /// Runs a shell command in the folder, with `$ldm` the binary. One thread each: tests run side by side.
  func shell(_ command: String) throws -> Outcome {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging(["ldm": path.path, "OMP_NUM_THREADS": "1"]) {
      $1
    }
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

  /// Runs a shell command with a terminal as stdin, stdout and stderr; for commands that say little.
  func terminal(_ command: String) throws -> (status: Int32, text: String) {
    // posix_openpt is none of the functions that Swift imports; these are the calls below it.
    let master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    defer { close(master) }
    var (unlocked, number) = (Int32(0), Int32(0))
    let (unlock, getNumber): (UInt, UInt) = (0x4004_5431, 0x8004_5430)  // TIOCSPTLCK, TIOCGPTN
    guard master >= 0, ioctl(master, unlock, &unlocked) == 0, ioctl(master, getNumber, &number) == 0 else {
      throw POSIXError(.ENOTTY)
    }
    let slave = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
    let handle = FileHandle(fileDescriptor: slave, closeOnDealloc: true)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", command]
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging(["ldm": path.path, "OMP_NUM_THREADS": "1"]) { $1 }
    (process.standardInput, process.standardOutput, process.standardError) = (handle, handle, handle)
    try process.run()
    process.waitUntilExit()
    // The slave is open here too, so that what was written waits to be read.
    var text = [UInt8](repeating: 0, count: 1 << 16)
    _ = fcntl(master, F_SETFL, O_NONBLOCK)
    let count = max(read(master, &text, text.count), 0)
    return (process.terminationStatus, String(decoding: text[..<count], as: UTF8.self))
  }

  /// Names in the folder, hidden ones too.
  var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted() }
}
