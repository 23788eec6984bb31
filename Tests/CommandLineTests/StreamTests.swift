import Foundation
import LatentDiffusion
import Testing

/// Pipes: many pictures on one, readers that leave, writers that dawdle, terminals on either end.
@Suite struct StreamTests {
  let ldm: Binary

  init() throws {
    ldm = try Binary()
    try ldm.write(Samples.picture(), "a.png")
    try ldm.write(Samples.picture(width: 16, height: 24), "b.png")
    try ldm.write(Samples.picture(), "a.ppm", as: .pnm)
    try ldm.write(Samples.picture(width: 16, height: 24), "b.jpg", as: .jpeg)
    try ldm.write(Samples.mask(), "mask.png")
  }

  private let fast = "upscale -q --steps 1 --seed 1 --factor 1"

  @Test func manyPicturesComeOutInOrder() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      cat a.png a.ppm b.jpg | $ldm \(fast) > all && for f in a.png a.ppm b.jpg; do $ldm \(fast) < $f; done | cmp - all || exit 1
      cat a.png b.jpg | $ldm \(fast) -d out && cat a.png b.jpg | $ldm \(fast) -o '{n}.png'
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
    #expect(try ldm.image("out/stdin-2.jpg").height == 24 && ldm.image("out/stdin.png").height == 16)
    #expect(try ldm.image("2.png").height == 24)
  }

  /// 65 MiB are more than a picture of a thousand pixels may have.
  @Test func aStreamWithoutEndIsToldOnce() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      "(printf 'P6 8192 8192 255 '; head -c 70000000 /dev/zero) | timeout 60 $ldm encode --max-pixels 1000 -d out")
    #expect(outcome.status == 65 && outcome.words.contains("raise the limit"), "\(outcome.words)")
    #expect(outcome.words.split(separator: "\n").count == 1)
  }

  @Test func aReaderOfMessagesMayLeave() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      { $ldm encode -v --report - a.png 2>&1 > latents; echo $? > status; } | true
      test "$(cat status)" = 0 && test -s latents
      """)
    #expect(outcome.status == 0)
  }

  @Test func aBadPictureInAStreamCostsOneLine() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      "(cat a.png; printf 'P6 2 2 255 '; cat a.png | tr '\\000-\\377' ' ' | head -c 12; printf 'P6 1 1 0 abc') | $ldm \(fast) -d out"
    )
    #expect(outcome.status == 1)
    #expect(outcome.words.split(separator: "\n").count == 1 && outcome.words.contains("standard input, picture 3: "))
    let rest = try ldm.shell("(cat a.png b.png; echo this is no picture at all) | $ldm \(fast) -d two")
    #expect(rest.status == 1 && rest.words.contains("follow picture 2"), "\(rest.words)")
  }

  /// A result is there before the next picture is: a program may wait for it.
  @Test func eachPictureIsAnsweredAtOnce() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      mkfifo in; $ldm \(fast) -d out < in & exec 3> in; cat a.png >&3
      for i in $(seq 600); do test -s out/stdin.png && break; sleep 0.1; done
      test -s out/stdin.png && ! test -e out/stdin-2.png && cat b.png >&3; exec 3>&-; wait $! && test -s out/stdin-2.png
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
  }

  @Test func slowWritersAreWaitedFor() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      "(head -c 9 a.png; sleep 0.3; tail -c +10 a.png) | $ldm \(fast) > slow; $ldm \(fast) a.png | cmp - slow")
    #expect(outcome.status == 0, "\(outcome.words)")
  }

  @Test func aReaderThatLeavesKillsTheWriterSilently() throws {
    defer { ldm.remove() }
    try ldm.write(Samples.picture(width: 192, height: 160), "large.png")
    let outcome = try ldm.shell("{ $ldm \(fast) -f pnm large.png; echo $? > status; } | head -c 1 > first")
    #expect(outcome.words.isEmpty)
    #expect(try String(contentsOf: ldm.file("status"), encoding: .utf8) == "141\n")
  }

  @Test(arguments: ["--version", "--help", "samplers", "info a.png", "upscale -q --steps 1 a.png"])
  func aFullDiskIsAnError(arguments: String) throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell("$ldm \(arguments) > /dev/full")
    #expect(outcome.status == 74 && outcome.words.split(separator: "\n").count == 1, "\(outcome.words)")
  }

  @Test func masksComeThroughOtherPipes() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      paint() { $ldm inpaint -q --steps 1 --seed 1 "$@"; }
      paint --mask mask.png a.png > file && paint --mask /dev/fd/3 3< mask.png < a.png | cmp - file || exit 1
      mkfifo pipe; cat mask.png > pipe & paint --mask pipe a.png | cmp - file || exit 2
      paint --mask - a.png < mask.png | cmp - file || exit 3
      paint --mask - < a.png 2> words; test $? = 64
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
  }

  @Test func operandsAndOptionsMix() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      cp a.png ./-a.png; $ldm \(fast) a.png > x
      $ldm \(fast) -- -a.png | cmp - x && $ldm a.png 2> /dev/null; test $? = 64 || exit 1
      $ldm upscale a.png -q --seed=1 --steps 1 --factor 1 | cmp - x && $ldm \(fast) - < a.png | cmp - x || exit 2
      $ldm \(fast) ./-a.png -o - | cmp - x
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
  }

  @Test func localesChangeNothing() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      for l in C C.UTF-8 de_DE.UTF-8 tr_TR.UTF-8; do
        LC_ALL=$l $ldm img2img --progress json -p 'ein Ölgemälde' --strength 0.5 --steps 2 --seed 1 a.png > $l 2> words || exit 1
        cmp C $l || exit 2; grep -q '"seconds": [0-9]*\\.[0-9]' words || exit 3
      done
      $ldm info C | grep -q 'ein Ölgemälde'
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
  }

  @Test func terminalsGetNoPictures() throws {
    defer { ldm.remove() }
    let picture = try ldm.terminal("$ldm \(fast) a.png")
    #expect(picture.status == 64 && picture.text.count < 300, "\(picture.text)")
    let input = try ldm.terminal("$ldm upscale > x.png")
    #expect(input.status == 64 && input.text.contains("no input: give a FILE"), "\(input.text)")
    #expect(input.text.contains("Usage: ldm upscale [<options>] [<file> ...]"), "\(input.text)")
    let words = try ldm.terminal("$ldm txt2img -o x.png")
    #expect(words.status == 64 && words.text.contains("no prompt: give one"), "\(words.text)")
    let latents = try ldm.terminal("$ldm encode a.png")
    #expect(latents.status == 64 && latents.text.contains("to a terminal"), "\(latents.text)")
  }

  /// Who says "-" means it.
  @Test func aTerminalGetsAPictureFromThoseWhoInsist() throws {
    defer { ldm.remove() }
    let outcome = try ldm.terminal("$ldm \(fast) -f pnm a.png -o -")
    #expect(outcome.status == 0 && outcome.text.hasPrefix("P6"), "\(outcome.text)")
  }

  @Test(arguments: [("xterm", true), ("dumb", false)])
  func onlyTerminalsThatCanShowABarGetOne(kind: String, hasBar: Bool) throws {
    defer { ldm.remove() }
    let outcome = try ldm.terminal("TERM=\(kind) NO_COLOR=1 $ldm upscale --steps 1 --seed 1 a.png -o x.png")
    #expect(outcome.status == 0, "\(outcome.text)")
    #expect(outcome.text.contains("\r[##") == hasBar)
    #expect(outcome.text.firstMatch(of: /\u{1b}\[[0-9;]*m/) == nil)
  }

  @Test func logsHoldWholeLines() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell("$ldm upscale --steps 1 --seed 1 a.png -o x.png --progress always")
    #expect(outcome.words.contains("ldm: a.png: sampling 1 of 1"))
    #expect(!outcome.words.contains("\r") && !outcome.words.contains("\u{1b}"))
  }
}
