import ArgumentParser
import LatentDiffusion

/// How many pictures are made at a time.
struct JobOptions: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      """
      Pictures of a batch that are made at a time, each on its share of the threads. Default: as processors, memory and \
      the model's size suggest; 1 for a stream, and with --preview, --plugin or --max-memory.
      """, valueName: "n"))
  var jobs: Int?

  func validate() throws {
    guard jobs.map({ (1...256).contains($0) }) ?? true else { throw ValidationError("--jobs must be from 1 to 256") }
  }

  /// - Parameters:
  ///   - pictures: to be made, as far as is known.
  ///   - threads: of the kernels.
  ///   - memory: bytes that one of them takes.
  ///   - windowSide: of the model, in pixels.
  func count(pictures: Int, threads: Int, memory: Int, windowSide: Int) -> Int {
    if let jobs { return jobs }
    // Small maps have too few rows to share out: a thread a picture is fastest. Large ones keep several busy, at a
    // fraction of the memory.
    let byThreads = windowSide <= 256 ? threads : threads / 4
    // Half of it is for others, and for what the estimate forgets.
    let byMemory = SystemMemory.available.map { $0 / 2 / max(memory, 1) } ?? 1
    return max(min(pictures, byThreads, byMemory), 1)
  }
}
