import ArgumentParser
import LatentDiffusion

/// Less work for nearly the same picture; all off unless asked for.
struct ApproximationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Guides only where the noise level sigma is above low and up to high; steps elsewhere cost half. Either may be left \
      out: 0.3:5.4, :5.4 (arXiv 2404.07724).
      """, valueName: "low:high"))
  var guidanceInterval: String?

  @Option(
    help: ArgumentHelp(
      "Runs the UNet's deep layers at every n-th step only; those between reuse what they gave (arXiv 2312.00858).",
      valueName: "n"))
  var deepCache: Int?

  @Option(
    help: ArgumentHelp(
      "Merges this share of the tokens, 0 to 0.75, where most of them attend to each other (arXiv 2303.17604).",
      valueName: "share"))
  var tokenMerge: Double?

  func validate() throws {
    _ = try interval()
    guard deepCache.map({ (1...1000).contains($0) }) ?? true else {
      throw ValidationError("--deep-cache must be from 1 (off) to 1000")
    }
    guard tokenMerge.map({ (0...0.75).contains($0) }) ?? true else {
      throw ValidationError("--token-merge must be from 0 to 0.75: one token in four is what others are merged into")
    }
  }

  func apply(to sampling: inout Sampling) throws {
    sampling.guidanceInterval = try interval()
    sampling.approximation.deepInterval = deepCache ?? 1
    sampling.approximation.mergedTokens = tokenMerge ?? 0
  }

  private func interval() throws -> GuidanceInterval? {
    guard let text = guidanceInterval else { return nil }
    let ends = text.split(separator: ":", omittingEmptySubsequences: false)
    func number(_ end: Substring, _ standard: Double) -> Double { end.isEmpty ? standard : Double(end) ?? .nan }
    guard ends.count == 2, number(ends[0], 0) >= 0, number(ends[0], 0) < number(ends[1], .infinity) else {
      throw ValidationError(
        "--guidance-interval \(text) is not LOW:HIGH, two noise levels of 0 or more, the lower first")
    }
    return GuidanceInterval(low: number(ends[0], 0), high: number(ends[1], .infinity))
  }
}
