import Foundation
import LatentDiffusion
import Testing
import Weights

/// Files that a user adds to a model, on the built-in one.
@Suite struct AdapterTests {
  let ldm: Binary

  init() throws {
    ldm = try Binary()
    try FileManager.default.createDirectory(at: ldm.file("loras/inks"), withIntermediateDirectories: true)
    for (name, seed) in [("loras/ink", 1), ("loras/inks/sepia", 2)] {
      var noise = Noise(seed: UInt64(seed))
      let bytes = try SafetensorsWriter.encoded([
        "lora_unet_conv_in.lora_down.weight": noise([2, 9, 3, 3]),
        "lora_unet_conv_in.lora_up.weight": noise([64, 2, 1, 1]),
      ])
      try Data(bytes).write(to: ldm.file("\(name).safetensors"))
    }
    for (name, width) in [("wash", 256), ("other", 768)] {
      var noise = Noise(seed: 3)
      let bytes = try SafetensorsWriter.encoded(["emb_params": noise([2, width])])
      try Data(bytes).write(to: ldm.file("\(name).safetensors"))
    }
  }

  private static let command =
    "LDM_LORAS=$PWD/loras $ldm txt2img -q --strip --no-watermark --steps 1 --size 32x32 --seed 1"

  private func picture(_ arguments: String) throws -> [UInt8] {
    let outcome = try ldm.shell("\(Self.command) \(arguments)")
    #expect(outcome.status == 0, "\(outcome.words)")
    return outcome.output
  }

  @Test func aLoRAInThePromptIsOneBesideIt() throws {
    defer { ldm.remove() }
    let plain = try picture("'emoji of a cat'")
    let named = try picture("'emoji of a cat<lora:ink:0.5>'")
    #expect(named != plain)
    #expect(try picture("--lora loras/ink.safetensors:0.5 'emoji of a cat'") == named)
    #expect(try picture("'emoji of a cat' --prompt-style plain") == plain)
    // Where prompts name different ones, each has its own.
    let several = "'emoji of a cat' 'emoji of a cat<lora:ink:0.5>' 'emoji of a cat<lora:sepia>'"
    _ = try picture("-o '{n}.png' \(several)")
    let files = try (1...3).map { try [UInt8](Data(contentsOf: ldm.file("\($0).png"))) }
    #expect(files[0] == plain && files[1] == named && files[2] != named && files[2] != plain)
  }

  /// Who reads the picture's recipe learns of LoRAs that no prompt named.
  @Test func aLoRAStandsInTheRecipe() throws {
    defer { ldm.remove() }
    let made = try ldm.shell(
      "$ldm txt2img -q --steps 1 --size 32x32 --seed 1 --lora loras/ink.safetensors:0.5 'emoji of a cat' | $ldm info")
    let words = String(decoding: made.output, as: UTF8.self)
    #expect(words.contains("emoji of a cat <lora:ink:0.5>"), "\(made.words)")
    // `tail -c +N ink.safetensors | sha256sum`, N behind the header.
    let file = try [UInt8](Data(contentsOf: ldm.file("loras/ink.safetensors")))
    let header = 8 + file.withUnsafeBytes { Int($0.loadUnaligned(as: UInt64.self)) }
    let sum = try ldm.shell("tail -c +\(header + 1) loras/ink.safetensors | sha256sum").output.prefix(12)
    #expect(words.contains("Lora hashes: \"ink: \(String(decoding: sum, as: UTF8.self))\""), "\(words)")
    #expect(!words.contains("TI hashes"))
  }

  /// LoRAs that the prompt names, and the words of textual inversions that stand in it.
  @Test func adaptersAreToldByTheirContent() throws {
    defer { ldm.remove() }
    let made = try ldm.shell(
      """
      LDM_LORAS=$PWD/loras $ldm txt2img -q --steps 1 --size 32x32 --seed 1 --embedding wash.safetensors:zzz \
        --embedding wash.safetensors:awash 'emoji of a ZZZ, washed<lora:sepia>' | $ldm info
      """)
    let words = String(decoding: made.output, as: UTF8.self)
    let sum = try ldm.shell("sha256sum wash.safetensors").output.prefix(12)
    #expect(words.contains("Lora hashes: \"sepia: "), "\(made.words)")
    #expect(words.contains("TI hashes: \"zzz: \(String(decoding: sum, as: UTF8.self))\""), "\(words)")
  }

  @Test func anEmbeddingIsAWord() throws {
    defer { ldm.remove() }
    let plain = try picture("'emoji of a wash'")
    let named = try picture("--embedding wash.safetensors 'emoji of a wash'")
    #expect(named != plain)
    #expect(try picture("--embedding wash.safetensors:zzz 'emoji of a wash'") == plain)
    #expect(try picture("--embedding wash.safetensors:zzz 'emoji of a zzz'") == named)
  }

  @Test(arguments: [
    ("--embedding gone.pt cat", 66, "gone.pt: no such file"),
    ("--embedding wash.safetensors: cat", 64, "must be a word"),
    ("--embedding other.safetensors cat", 65, "its vectors are 768 wide, base's text_encoder reads 256"),
    ("--embedding loras/ink.safetensors cat", 65, "holds no textual inversion"),
    ("--lora gone.safetensors cat", 66, "gone.safetensors"), ("--lora gone.pt:0.5 cat", 66, "gone.pt: no such file"),
    ("--lora loras/ink.safetensors:x cat", 64, "the weight"), ("'cat <lora:gone:1>'", 66, "no LoRA gone in"),
    ("'cat <lora:ink:x>'", 64, "\"x\""), ("cat --negative '<lora:ink:1>'", 64, "the negative prompt"),
  ])
  func whatIsMissingIsNamed(arguments: String, status: Int32, words: String) throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell("\(Self.command) \(arguments)")
    #expect(outcome.status == status && outcome.output.isEmpty)
    #expect(outcome.words.contains(words) && outcome.words.hasPrefix("ldm: "), "\(outcome.words)")
    #expect(outcome.words.split(separator: "\n").count == 1)
  }
}
