import Foundation
import LatentDiffusion
import Testing

/// Several inputs, names, and what goes wrong.
@Suite struct BatchTests {
  let ldm: Binary

  init() throws {
    ldm = try Binary()
    for name in ["a", "b", "c"] { try ldm.write(Samples.picture(), "\(name).png") }
  }

  @Test func oneBadInputCostsOneLine() throws {
    defer { ldm.remove() }
    try Data("no picture".utf8).write(to: ldm.file("b.png"))
    let outcome = try ldm.shell("$ldm upscale --seed 1 --steps 1 -v --report r -d big/ a.png b.png gone.png c.png")
    #expect(outcome.status == 1)
    let lines = outcome.words.split(separator: "\n").filter { $0.contains("b.png:") || $0.contains("gone.png:") }
    #expect(lines.count == 2)
    #expect(try FileManager.default.contentsOfDirectory(atPath: ldm.file("big").path).sorted() == ["a.png", "c.png"])
    // One process, one load.
    #expect(outcome.words.components(separatedBy: "ldm: model ").count == 2)
    let report = try String(contentsOf: ldm.file("r"), encoding: .utf8).split(separator: "\n")
    #expect(report.map { $0.contains("\"status\": 0") } == [true, false, false, true])
    #expect(report[1].contains("\"status\": 65") && report[2].contains("\"status\": 66"))
  }

  @Test(arguments: [
    ("upscale < /dev/null", 65), ("upscale gone.png", 66), ("upscale a.png b.png", 64), ("upscale --bogus", 64),
    ("upscale -m gone a.png", 69), ("upscale a.png -o /nowhere/x.png", 73),
    ("upscale --steps 1 a.png -o /dev/full", 74), ("upscale --steps 500 a.png -o gone/x.png", 73),
    ("upscale a.png -o a.png/x.png", 73), ("upscale a.png -o x.tiff", 64),
    ("upscale --steps 0 a.png", 64), ("upscale --max-pixels 10 a.png", 65), ("inpaint --mask gone.png a.png", 66),
    ("inpaint --mask alpha a.png", 65), ("txt2img --sampler none x", 64), ("img2img --strength 2 a.png", 64),
    ("upscale -d . a.png", 73), ("upscale .", 66), ("decode a.png", 65), ("info a.png gone", 1),
  ])
  func aFailureHasItsStatusAndOneLine(arguments: String, status: Int32) throws {
    defer { ldm.remove() }
    let before = ldm.names
    let outcome = try ldm.shell("$ldm \(arguments)")
    #expect(outcome.status == status, "\(outcome.words)")
    let errors = outcome.words.split(separator: "\n").filter { !$0.contains(": seed ") }
    #expect(errors.count == 1 && errors[0].hasPrefix("ldm: "), "\(outcome.words)")
    #expect(ldm.names == before)
  }

  @Test func namesAreBytes() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      #"""
      name=$(printf 'x\377\ny'); cp a.png "$name.png"
      printf '%s\0' "$name.png" | xargs -0 $ldm upscale -q --steps 1 -d big && test -s "big/$name.png" || exit 9
      printf '%s\0' "$name.png" | $ldm upscale -q --steps 1 --files0-from - -d two && test -s "two/$name.png"
      """#)
    #expect(outcome.status == 0, "\(outcome.words)")
  }

  @Test func templatesNameSeveralResults() throws {
    defer { ldm.remove() }
    let command = "$ldm txt2img -q --steps 1 --size 16x16 --seed 5 --count 2 -o '{n}-{seed}.png' 'icon of a'"
    #expect(try ldm.shell(command).status == 0)
    #expect(ldm.names.filter { $0.contains("-") } == ["1-5.png", "2-6.png"])
  }

  @Test func existingFilesAreKeptOnRequest() throws {
    defer { ldm.remove() }
    #expect(try ldm.shell("$ldm upscale -q --steps 1 a.png -o a.png --no-clobber").status == 73)
    #expect(try ldm.image("a.png").width == 24)
    try ldm.write(Samples.mask(), "b-4x.png")
    #expect(try ldm.shell("$ldm upscale -q --steps 1 --suffix -4x --skip-existing -d . a.png b.png").status == 0)
    #expect(try ldm.image("a-4x.png").width == 96)
    #expect(try ldm.image("b-4x.png").width == 24)
  }

  @Test func anInputMayBeItsOwnOutput() throws {
    defer { ldm.remove() }
    #expect(
      try ldm.shell("ln -s a.png link.png && $ldm upscale -q --steps 1 link.png -o link.png && test -L link.png").status
        == 0)
    #expect(try ldm.image("a.png").width == 96)
  }

  @Test func helpAndVersionGoToStandardOutput() throws {
    defer { ldm.remove() }
    for arguments in ["--help", "help upscale", "upscale --help", "upscale --version gone", "--version"]
      + ["bash", "zsh", "fish"].map({ "--generate-completion-script \($0)" })
    {
      let outcome = try ldm.shell("$ldm \(arguments)")
      #expect(outcome.status == 0 && outcome.words.isEmpty && !outcome.output.isEmpty, "\(arguments)")
    }
  }
}
