import Foundation
import LatentDiffusion
import Testing

/// Pictures in, pictures out: the four modes as pipes.
@Suite struct FilterTests {
  let ldm: Binary

  init() throws {
    ldm = try Binary()
    try ldm.write(Samples.picture(), "in.png")
    try ldm.write(Samples.mask(), "mask.png")
  }

  @Test func upscaleMultipliesTheSize() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell("$ldm upscale -q --steps 1 < in.png > out.png")
    #expect(outcome.status == 0, "\(outcome.words)")
    let image = try ldm.image("out.png")
    #expect((image.width, image.height) == (96, 64))
  }

  @Test(arguments: [("--factor 2", 48, 32), ("--factor 5", 120, 80), ("--size 50x40", 50, 40)])
  func upscaleObeysTheWantedSize(option: String, width: Int, height: Int) throws {
    defer { ldm.remove() }
    #expect(try ldm.shell("$ldm upscale -q --steps 1 \(option) < in.png > out.png").status == 0)
    let image = try ldm.image("out.png")
    #expect((image.width, image.height) == (width, height))
  }

  @Test(arguments: [8, 16], [false, true])
  func inpaintKeepsEveryOtherPixel(depth: Int, alpha: Bool) throws {
    defer { ldm.remove() }
    let before = Samples.picture(alpha: alpha, depth: depth)
    try ldm.write(before, "in.png")
    let outcome = try ldm.shell("$ldm inpaint -q --steps 2 --seed 1 --mask mask.png -p grass < in.png > out.png")
    #expect(outcome.status == 0, "\(outcome.words)")
    let after = try ldm.image("out.png")
    #expect(after.depth == depth && after.hasAlpha == alpha)
    let mask = Mask(Samples.mask()).tensor.elements
    let (a, b) = (before.tensor().elements, after.tensor().elements)
    let kept = a.indices.filter { mask[$0 % mask.count] < 0.5 }
    #expect(kept.allSatisfy { a[$0] == b[$0] })
    #expect(a.indices.contains { mask[$0 % mask.count] >= 0.5 && a[$0] != b[$0] })
  }

  @Test func transparencyCanBeTheMask() throws {
    defer { ldm.remove() }
    try ldm.write(Samples.picture(alpha: true), "in.png")
    #expect(try ldm.shell("$ldm inpaint -q --steps 1 --mask alpha < in.png > out.png").status == 0)
    let alpha = try #require(try ldm.image("out.png").alphaTensor())
    #expect(alpha.elements.allSatisfy { $0 == 1 })
  }

  @Test func imageToImageKeepsSizeFormatAndProfile() throws {
    defer { ldm.remove() }
    var picture = Samples.picture(width: 21, height: 13)
    picture.metadata.xmp = Array("<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"/>".utf8)
    try ldm.write(picture, "in.webp", as: .webp)
    #expect(try ldm.shell("$ldm img2img -q --steps 2 --seed 1 -p x < in.webp > out").status == 0)
    let image = try ldm.image("out")
    #expect((image.width, image.height) == (21, 13))
    #expect(image.format == .webp)
    #expect(Provenance.source(in: image.metadata) == "compositeWithTrainedAlgorithmicMedia")
  }

  @Test func equalArgumentsGiveEqualBytes() throws {
    defer { ldm.remove() }
    let command = "$ldm txt2img -q --steps 2 --size 32x32 --seed 7 'emoji of a cat'"
    let (a, b) = (try ldm.shell(command), try ldm.shell(command))
    #expect(a.status == 0 && !a.output.isEmpty && a.output == b.output)
    #expect(try ldm.shell(command.replacingOccurrences(of: "seed 7", with: "seed 8")).output != a.output)
  }

  @Test func theSeedIsToldAndWritten() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell("$ldm txt2img --steps 1 --size 32x32 'emoji of a cat' > out.png")
    let seed = try #require(outcome.words.firstMatch(of: /seed (\d+)/)?.1)
    let parameters = try #require(Provenance.parameters(in: ldm.image("out.png").metadata))
    #expect(parameters.hasPrefix("emoji of a cat\n"))
    #expect(parameters.contains("Seed: \(seed),"))
    let again = try ldm.shell("$ldm txt2img -q --steps 1 --size 32x32 --seed \(seed) 'emoji of a cat' | cmp - out.png")
    #expect(again.status == 0)
  }

  @Test func latentsTravelThroughAPipe() throws {
    defer { ldm.remove() }
    try ldm.write(Samples.picture(width: 22, height: 15), "in.png")
    #expect(try ldm.shell("$ldm encode < in.png | $ldm decode > out.png").status == 0)
    let image = try ldm.image("out.png")
    #expect((image.width, image.height) == (22, 15))
  }

  @Test func aChainOfThree() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      $ldm txt2img -q --steps 1 --size 24x16 'clip art of a house' | $ldm upscale -q --steps 1 --factor 2 \
        | $ldm inpaint -q --steps 1 --mask mask.png > out.png
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
    #expect(try ldm.image("out.png").width == 48)
  }

  @Test func stripLeavesNothingButThePicture() throws {
    defer { ldm.remove() }
    #expect(try ldm.shell("$ldm upscale -q --steps 1 --strip < in.png > out.png").status == 0)
    #expect(try ldm.image("out.png").metadata == ImageMetadata())
  }
}
