import ArgumentParser
import Foundation

struct InputOptions: ParsableArguments {
  @Argument(help: ArgumentHelp("Inputs; none, or -, is stdin.", valueName: "file"), completion: .file())
  var files: [String] = []

  @Option(
    name: .customLong("files0-from"),
    help: ArgumentHelp(
      "Reads the inputs' names, each ended by a zero byte, from a file; - is stdin.", valueName: "file"),
    completion: .file())
  var files0From: String?

  @Option(help: ArgumentHelp("Refuses larger pictures.", valueName: "n"))
  var maxPixels: Int = 256 << 20

  func validate() throws {
    guard (1...(1 << 40)).contains(maxPixels) else { throw ValidationError("--max-pixels must be above 0") }
    guard files.isEmpty || files0From == nil else {
      throw ValidationError("give files as operands or by --files0-from, not both")
    }
    guard files.filter({ $0 == "-" }).count < 2 else { throw ValidationError("stdin can be read only once") }
  }

  var readsStandardInput: Bool { files0From == nil ? files.isEmpty || files.contains("-") : files0From == "-" }

  /// - Throws: `Failure` where stdin is meant and is a terminal, or the list of names cannot be read.
  func sources() throws -> [Source] {
    if readsStandardInput && files0From == nil && isatty(STDIN_FILENO) != 0 {
      var failure = Failure(.usage, "no input: give a FILE, or one on standard input; see --help")
      failure.showsUsage = true
      throw failure
    }
    guard let files0From else { return files.isEmpty ? [.standardInput] : files.map(Source.init) }
    let list = Source(files0From)
    do {
      let names = try Streams.read(list, limit: 1 << 30).split(separator: 0)
      guard !names.isEmpty else { throw Failure(.noInput, "names no file") }
      return names.map { .file(FileName(bytes: Array($0))) }
    } catch let failure as Failure {
      throw Failure(failure.status, "\(list): \(failure.message ?? "")")
    }
  }
}
