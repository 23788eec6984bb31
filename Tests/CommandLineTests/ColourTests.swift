import Foundation
import LatentDiffusion
import Testing

/// Pictures in wide colours and with transparency, through the binary.
@Suite struct ColourTests {
  let ldm: Binary

  init() throws {
    ldm = try Binary()
    try ldm.write(Samples.mask(), "mask.png")
  }

  /// A profile that is no sRGB: gAMA 1 in a PNG becomes one.
  private func writeLinear(_ image: Image, _ name: String) throws {
    let file = try image.encoded(as: .png)
    let gamma: [UInt8] = [0, 0, 0, 4, 0x67, 0x41, 0x4d, 0x41, 0, 1, 0x86, 0xa0, 0x31, 0xe8, 0x96, 0x5f]
    try Data(file[..<33] + gamma + file[33...]).write(to: ldm.file(name))
  }

  @Test(arguments: [8, 16])
  func inpaintKeepsThePixelsOfAnotherProfileToTheBit(depth: Int) throws {
    defer { ldm.remove() }
    let before = Samples.picture(alpha: true, depth: depth)
    try writeLinear(before, "in.png")
    let outcome = try ldm.shell("$ldm inpaint -q --steps 2 --seed 1 --mask mask.png -p grass < in.png > out.png")
    #expect(outcome.status == 0, "\(outcome.words)")
    let after = try ldm.image("out.png")
    let profile = try ldm.image("in.png").metadata.icc
    #expect(after.depth == depth && after.metadata.icc == profile)
    #expect(after.metadata.icc != nil)
    let mask = Mask(Samples.mask()).tensor.elements
    let (old, new) = (before.tensor().elements, after.tensor().elements)
    var changed = 0
    for i in old.indices {
      if mask[i % mask.count] < 0.5 { #expect(old[i] == new[i]) } else if old[i] != new[i] { changed += 1 }
    }
    #expect(changed > 50)
  }

  /// Super-resolution is anchored to its input: were colours not converted back, a linear picture would come out bright.
  @Test func upscaleGivesTheColoursBack() throws {
    defer { ldm.remove() }
    try writeLinear(Samples.picture(depth: 16), "in.png")
    let outcome = try ldm.shell("$ldm upscale -q --steps 1 --seed 1 < in.png > out.png")
    #expect(outcome.status == 0, "\(outcome.words)")
    let after = try ldm.image("out.png")
    #expect(after.depth == 16 && after.metadata.icc != nil)
    #expect(abs(after.tensor().mean - Samples.picture(depth: 16).tensor().mean) < 0.06)
  }

  @Test func anAnimationGivesAWarning() throws {
    defer { ldm.remove() }
    let fixture = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../ImagesTests/Fixtures/animation.webp")
    try FileManager.default.copyItem(at: fixture, to: ldm.file("in.webp"))
    let outcome = try ldm.shell("$ldm upscale --seed 1 --steps 1 -f png in.webp > out.png")
    #expect(outcome.status == 0 && outcome.words.contains("in.webp: an animation of"), "\(outcome.words)")
  }
}
