import Foundation
import LatentDiffusion
import Testing
import Weights

/// `--safety`, with a small checker (`Tests/Reference/safety.py`) that objects to everything, and one that does to nothing.
@Suite struct SafetyTests {
  let ldm: Binary

  init() throws {
    ldm = try Binary()
    try ldm.write(Samples.picture(width: 64, height: 48), "a.png")
    let golden = Binary.repository.appendingPathComponent("Tests/ModelsTests/Golden/safety")
    let weights = try SafetensorsFile(at: golden.appendingPathComponent("model.safetensors").path).tensors
    for (name, limit) in [("strict", Float(-2)), ("lenient", 2)] {
      let folder = ldm.file("\(name)/safety-checker")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      for file in ["config.json", "preprocessor_config.json"] {
        try FileManager.default.copyItem(
          at: golden.appendingPathComponent(file), to: folder.appendingPathComponent(file))
      }
      var tensors = weights.mapValues { $0.tensor() }
      for key in ["concept_embeds_weights", "special_care_embeds_weights"] {
        tensors[key] = Tensor(repeating: limit, shape: tensors[key]!.shape)
      }
      try Data(SafetensorsWriter.encoded(tensors)).write(to: folder.appendingPathComponent("model.safetensors"))
    }
  }

  private func run(_ checker: String, _ arguments: String) throws -> Binary.Outcome {
    try ldm.shell("LDM_MODELS=$PWD/\(checker) $ldm \(arguments)")
  }

  private static let upscale = "upscale --no-watermark --strip --factor 1 --steps 1 --seed 1 a.png"

  @Test func aRefusedResultIsNotWritten() throws {
    defer { ldm.remove() }
    let outcome = try run("strict", "\(Self.upscale) -q --safety refuse -o out.png --report report")
    #expect(outcome.status == 65)
    #expect(outcome.words.split(separator: "\n").count == 1, "\(outcome.words)")
    #expect(outcome.words.hasPrefix("ldm: a.png: refused: the safety checker objects"), "\(outcome.words)")
    #expect(!FileManager.default.fileExists(atPath: ldm.file("out.png").path))
    #expect(try String(contentsOf: ldm.file("report"), encoding: .utf8).contains("refused"))
    #expect(try run("strict", "\(Self.upscale) -q --safety refuse | wc -c | grep -qx 0").status == 0)
  }

  /// Refusing one does not keep the other inputs from being done, nor the other seeds from being tried.
  @Test func whatIsRefusedCostsALineEach() throws {
    defer { ldm.remove() }
    let outcome = try run(
      "strict", "upscale -q --steps 1 --factor 1 --seed 1 --count 2 --safety refuse -d out a.png - < a.png")
    #expect(outcome.status == 1)
    #expect(outcome.words.split(separator: "\n").count == 4, "\(outcome.words)")
    #expect(!FileManager.default.fileExists(atPath: ldm.file("out").path))
  }

  @Test func aBlurredResultTellsNothing() throws {
    defer { ldm.remove() }
    #expect(try run("strict", "\(Self.upscale) -q -o plain.png").status == 0)
    let outcome = try run("strict", "\(Self.upscale) --safety blur -o blurred.png")
    #expect(outcome.status == 0 && outcome.words.contains("ldm: a.png: blurred"), "\(outcome.words)")
    let (plain, blurred) = (try ldm.image("plain.png"), try ldm.image("blurred.png"))
    #expect(blurred.width == plain.width && blurred.height == plain.height)
    #expect(Self.detail(blurred) < Self.detail(plain) / 6)
    // Colours stay about what they were: it is a blur, not a black picture.
    #expect(abs(blurred.tensor().mean - plain.tensor().mean) < 0.05)
  }

  /// Mean difference of neighbours.
  private static func detail(_ image: Image) -> Double {
    let x = image.tensor()
    let width = x.shape[3]
    return (x.slice(axis: 3, 1..<width) - x.slice(axis: 3, 0..<(width - 1))).map { abs($0) }.mean
  }

  @Test func whatPassesIsWrittenToTheBit() throws {
    defer { ldm.remove() }
    let plain = try run("lenient", "\(Self.upscale) -q")
    for action in ["refuse", "blur"] {
      let checked = try run("lenient", "\(Self.upscale) -q --safety \(action)")
      #expect(checked.status == 0 && checked.output == plain.output, "\(checked.words)")
    }
  }

  /// Where inpainting keeps pixels, and where colours are converted there and back, a blur covers them too.
  @Test func nothingComesBackThroughABlur() throws {
    defer { ldm.remove() }
    try ldm.write(Samples.mask(width: 64, height: 48), "mask.png")
    let profile = try [UInt8](
      Data(contentsOf: Binary.repository.appendingPathComponent("Tests/ImagesTests/Fixtures/srgb.icc")))
    var tagged = Samples.picture(width: 64, height: 48)
    tagged.metadata.icc = profile
    try ldm.write(tagged, "tagged.png")
    for name in ["a", "tagged"] {
      let outcome = try run(
        "strict", "inpaint -q --steps 1 --seed 1 --mask mask.png --safety blur \(name).png -o out.png")
      #expect(outcome.status == 0, "\(outcome.words)")
      #expect(try Self.detail(ldm.image("out.png")) < Self.detail(tagged) / 6, "\(name)")
    }
  }

  @Test func decodedLatentsAreLookedAtToo() throws {
    defer { ldm.remove() }
    #expect(try ldm.shell("$ldm encode -q a.png -o a.safetensors").status == 0)
    #expect(try run("strict", "decode -q --safety refuse a.safetensors -o out.png").status == 65)
    #expect(try run("lenient", "decode -q --safety refuse a.safetensors -o out.png").status == 0)
  }

  /// A checker that is asked for and is not there lets nothing pass.
  @Test func withoutACheckerNothingIsDone() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      "LDM_MODELS= HF_HUB_CACHE=$PWD XDG_DATA_HOME=$PWD $ldm \(Self.upscale) --safety refuse -o out.png")
    #expect(outcome.status == 69 && outcome.words.contains("holds no safety_checker"), "\(outcome.words)")
    #expect(!FileManager.default.fileExists(atPath: ldm.file("out.png").path))
    let preview = try run("lenient", "\(Self.upscale) --safety blur --preview p.png -o out.png")
    #expect(preview.status == 64 && preview.words.contains("--preview"), "\(preview.words)")
  }
}
