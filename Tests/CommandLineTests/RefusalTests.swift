import Foundation
import Testing

/// What cannot be done as asked is said in one line, before any work, and leaves no file.
@Suite struct RefusalTests {
  @Test(
    arguments: [
      ("help nope", 64, "no command nope; "), ("nope --help", 64, "no command nope; "),
      ("upscale --lossless a.png -o o.jpg", 64, "--lossless needs WebP, PNG or PNM"),
      ("upscale --lossless a.jpg -d out", 64, "--lossless needs WebP, PNG or PNM, and the result is to be jpeg"),
      ("upscale --depth 16 a.jpg", 64, "--depth 16 needs PNG or PNM, and the result is to be jpeg"),
      ("txt2img --json-lines words", 64, "an operand is a prompt itself"),
      ("txt2img -0 -p words", 64, "an operand is a prompt itself"),
      ("models pack --no-cache builtin", 64, "leave out --no-cache"),
      ("encode --preview p.png a.png", 64, "--preview"),
      ("encode --tile 0 a.png", 64, "--tile"),
      ("decode a.png", 65, "a.png: is a picture already"),
      ("info words", 65, "ldm: words: neither safetensors"),
      ("models convert builtin m.safetensors", 69, "holds several models; name the folder of one: base, upscaler"),
      ("txt2img --preview none/p.png x", 73, "preview none/p.png: no folder none is there"),
      ("models convert model none/m.safetensors", 73, "none/m.safetensors: no folder none is there"),
      ("upscale -d a.jpg/x/y a.png a.jpg", 73, "ldm: a.jpg is no folder"),
      ("upscale -o '' a.png", 64, "--output and --output-dir must name something"),
      ("upscale -d '' a.png", 64, "--output and --output-dir must name something"),
      ("bench --compare gone", 66, "gone: No such file"),
      ("bench --json --compare words", 65, "words: not what ldm bench --json writes"),
    ] as [(String, Int32, String)])
  func isOneLine(command: String, status: Int32, words: String) throws {
    let ldm = try Binary()
    defer { ldm.remove() }
    try ldm.write(Samples.picture(), "a.png")
    try ldm.write(Samples.picture(), "a.jpg", as: .jpeg)
    try Data("some words, and no weights\n".utf8).write(to: ldm.file("words"))
    let resources = Binary.built.deletingLastPathComponent()
      .appendingPathComponent("LatentDiffusion_BuiltInModel.resources")
    try FileManager.default.createSymbolicLink(
      at: ldm.file("model"), withDestinationURL: resources.appendingPathComponent("model/base"))
    let before = ldm.names
    let outcome = try ldm.shell("$ldm \(command)")
    #expect(outcome.status == status)
    #expect(outcome.words.contains(words) && outcome.words.split(separator: "\n").count == 1, "\(outcome.words)")
    #expect(outcome.output.isEmpty && ldm.names == before)
  }
}
