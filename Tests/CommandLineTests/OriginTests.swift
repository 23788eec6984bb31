import Foundation
import LatentDiffusion
import Testing

/// What results say of how they were made.
@Suite struct OriginTests {
  let ldm: Binary

  init() throws {
    ldm = try Binary()
    try ldm.write(Samples.picture(width: 64, height: 64), "a.png")
  }

  private func info(_ name: String) throws -> [String: Any] {
    let outcome = try ldm.shell("$ldm info --json \(name)")
    return try #require(JSONSerialization.jsonObject(with: Data(outcome.output)) as? [String: Any])
  }

  @Test func theChainIsKeptAsAList() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      $ldm txt2img -q --steps 1 --seed 1 --size 32x32 'icon of a bell' | $ldm img2img -q --steps 2 --seed 2 -p 'an oil painting' \
        | $ldm upscale -q --steps 1 --seed 3 -f jpeg > out.jpg
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
    let facts = try info("out.jpg")
    let history = try #require(facts["history"] as? [String])
    #expect(history.count == 3)
    #expect(zip(history, ["icon of a bell", "an oil painting", "Task: upscale"]).allSatisfy { $0.contains($1) })
    #expect(facts["digital_source_type"] as? String == "trainedAlgorithmicMedia")
    let parameters = try #require(facts["parameters"] as? String)
    #expect(parameters.hasPrefix("an oil painting\nSteps: 2, ") && parameters.contains(", upscale Seed: 3"))
  }

  @Test func aPhotographBecomesAComposite() throws {
    defer { ldm.remove() }
    #expect(try ldm.shell("$ldm upscale -q --steps 1 --factor 1 a.png -o b.webp").status == 0)
    #expect(try info("b.webp")["digital_source_type"] as? String == "compositeWithTrainedAlgorithmicMedia")
  }

  @Test func theWatermarkIsWhereItBelongs() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      up="$ldm upscale -q --steps 1 --seed 1"
      $up a.png -o marked.png && $up --strip a.png -o stripped.png && $up --no-watermark a.png -o none.png \
        && $up --depth 16 a.png -o deep.png && $up --size 255x256 a.png -o small.png
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
    for name in ["marked", "stripped"] {
      #expect((try info("\(name).png")["watermark"] as? String)?.hasPrefix("StableDiffusionV1") ?? false, "\(name)")
    }
    for name in ["none", "deep", "small"] { #expect(try info("\(name).png")["watermark"] == nil, "\(name)") }
    #expect(try info("stripped.png")["parameters"] == nil)
    let quick = try ldm.shell("$ldm info --quick marked.png")
    #expect(!String(decoding: quick.output, as: UTF8.self).contains("watermark"))
  }

  /// Inpainting a marked picture keeps its pixels, and so adds no mark of its own.
  @Test func inpaintingMarksNothing() throws {
    defer { ldm.remove() }
    try ldm.write(Samples.picture(width: 256, height: 256), "large.png")
    try ldm.write(Samples.mask(width: 256, height: 256), "mask.png")
    #expect(try ldm.shell("$ldm inpaint -q --steps 1 --mask mask.png large.png -o out.png").status == 0)
    #expect(try info("out.png")["watermark"] == nil)
  }
}
