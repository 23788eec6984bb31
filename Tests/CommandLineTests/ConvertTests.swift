import Foundation
import LatentDiffusion
import Testing
import Weights

/// `ldm models convert`, on a part of the built-in model.
@Suite struct ConvertTests {
  let ldm: Binary

  init() throws { ldm = try Binary() }

  private func picture(_ model: String, _ arguments: String) throws -> [UInt8] {
    let command =
      "$ldm txt2img -q --strip --no-watermark --no-cache --steps 1 --size 32x32 --seed 1 -m \(model) \(arguments)"
    let outcome = try ldm.shell("\(command) 'emoji of a cat'")
    #expect(outcome.status == 0, "\(outcome.words)")
    return outcome.output
  }

  private func convert(_ arguments: String) throws {
    let outcome = try ldm.shell("$ldm models convert \(arguments)")
    #expect(outcome.status == 0 && outcome.words.isEmpty, "\(outcome.words)")
  }

  @Test func integersMakeTheSamePictures() throws {
    defer { ldm.remove() }
    try convert("--type int8 \"$($ldm models path builtin)/base\" small")
    #expect(
      try picture("small", "--precision int8") == picture("\"$($ldm models path builtin)/base\"", "--precision int8"))
    let facts = try ldm.shell("$ldm info --json small")
    #expect(String(decoding: facts.output, as: UTF8.self).contains(#""I8""#))
    // A LoRA is merged into what the integers stand for.
    var noise = Noise(seed: 1)
    let lora = try SafetensorsWriter.encoded([
      "lora_unet_mid_block_attentions_0_proj_in.lora_down.weight": noise([2, 224]),
      "lora_unet_mid_block_attentions_0_proj_in.lora_up.weight": noise([224, 2]),
    ])
    try Data(lora).write(to: ldm.file("ink.safetensors"))
    try convert("--type f32 small plain")
    let adapted = try picture("small", "--precision f32 --lora ink.safetensors")
    #expect(try adapted == picture("plain", "--precision f32 --lora ink.safetensors"))
    #expect(try adapted != picture("small", "--precision f32"))
  }

  /// Links lead to where it goes, and nothing but a file makes way.
  @Test func nothingIsReplacedThatIsNoFile() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      convert() { $ldm models convert "$($ldm models path builtin)/base" "$@" 2>> words; }
      ln -s real link && convert link && test -L link && test -s real/model_index.json || exit 1
      mkfifo pipe.safetensors && convert pipe.safetensors; test $? = 73 && test -p pipe.safetensors || exit 2
      convert "$(printf 'x\\377')"; test $? = 64 || exit 3
      test $(wc -l < words) = 2
      """)
    #expect(outcome.status == 0, "\(outcome.status)")
    #expect(ldm.names == ["link", "pipe.safetensors", "real", "words"])
  }

  /// The built-in model's decoder has other levels than its encoder.
  @Test func whatSingleFilesCannotTellIsRefused() throws {
    defer { ldm.remove() }
    let base = "\"$($ldm models path builtin)/base\""
    try FileManager.default.createDirectory(at: ldm.file("m"), withIntermediateDirectories: false)
    for (command, reason) in [
      (
        "cp -r \(base)/unet \(base)/vae m && $ldm models convert m one.safetensors",
        "its vae has no form in a single file"
      ),
      (
        "$ldm txt2img -q --no-cache --vae \(base)/vae/diffusion_pytorch_model.safetensors 'a cat'",
        "whose halves have other levels"
      ),
    ] {
      let outcome = try ldm.shell(command)
      #expect(outcome.status == 65 && outcome.output.isEmpty, "\(command)")
      #expect(outcome.words.split(separator: "\n").count == 1 && outcome.words.contains(reason), "\(outcome.words)")
    }
    #expect(ldm.names == ["m"])
  }

  /// One line and 65, whatever is asked for; nothing is written.
  @Test func integersWithoutTheirScaleAreRefused() throws {
    defer { ldm.remove() }
    try convert("--type int8 \"$($ldm models path builtin)/base\" small")
    let file = ldm.file("small/unet/diffusion_pytorch_model.safetensors")
    var bytes = try Data(contentsOf: file)
    let name = try #require(bytes.firstRange(of: Data("proj_in.weight_scale".utf8)))
    bytes.replaceSubrange(name, with: Data("proj_in.weight_scald".utf8))
    try bytes.write(to: file)
    for command in ["$ldm txt2img -q --no-cache -m small 'a cat'", "$ldm models convert small other"] {
      let outcome = try ldm.shell(command)
      #expect(outcome.status == 65 && outcome.output.isEmpty, "\(command)")
      #expect(outcome.words.hasPrefix("ldm: ") && outcome.words.split(separator: "\n").count == 1, "\(outcome.words)")
      #expect(outcome.words.contains("proj_in.weight holds 8-bit integers, and no "), "\(outcome.words)")
    }
    #expect(ldm.names == ["small"])
  }
}
