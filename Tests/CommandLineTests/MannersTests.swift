import Foundation
import LatentDiffusion
import Testing

/// Manners that scripts rely on: what a caller closed or redirected, names, modes, formats, places.
@Suite struct MannersTests {
  let ldm: Binary
  private let fast = "upscale -q --steps 1 --seed 1 --factor 1"

  init() throws {
    ldm = try Binary()
    try ldm.write(Samples.picture(), "a.png")
    try ldm.write(Samples.mask(), "mask.png")
  }

  /// A file that is opened must not become the stream that the caller closed.
  @Test func closedStreamsStayClosed() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      $ldm \(fast) a.png -o x.png && $ldm \(fast) a.png -o y.png <&- && cmp x.png y.png || exit 1
      $ldm upscale --steps 1 --seed 1 --factor 1 -v --progress json a.png -o z.png 2>&- && cmp x.png z.png || exit 2
      $ldm \(fast) a.png -o w.png >&- 2>&- && cmp x.png w.png || exit 3
      $ldm \(fast) a.png >&- 2> words; test $? = 74 && grep -q '^ldm: standard output: ' words || exit 4
      $ldm --help >&- 2> words; test $? = 74 && grep -q '^ldm: standard output: ' words || exit 5
      $ldm \(fast) <&- 2> words; test $? = 74 && grep -q '^ldm: standard input: ' words || exit 6
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
  }

  @Test func modesAreKeptAndNewFilesObeyTheMask() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      umask 027; $ldm \(fast) a.png -o new.png && test $(stat -c %a new.png) = 640 || exit 1
      chmod 604 new.png; $ldm \(fast) a.png -o new.png && test $(stat -c %a new.png) = 604 || exit 2
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
  }

  /// What a file holds counts, not what it is called; what is written follows -f, then -o's suffix, then the input.
  @Test(arguments: [
    ("", "webp"), ("-f jpeg", "jpeg"), ("-o out.png", "png"), ("-o out.png -f pnm", "pnm"), ("-o out.unknown", "webp"),
    ("-o out", "webp"), ("-o out.JPG", "jpeg"),
  ])
  func formatsAreThoseOfTheContents(options: String, format: String) throws {
    defer { ldm.remove() }
    try ldm.write(Samples.picture(), "lying.png", as: .webp)
    let outcome = try ldm.shell("$ldm \(fast) lying.png \(options) > pipe; test -s pipe && cat pipe || cat out*")
    #expect(ImageFormat(magic: outcome.output)?.rawValue == format, "\(outcome.words)")
  }

  @Test func wordsMadeByNobodyAreWrittenAsPNG() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell("$ldm txt2img -q --steps 1 --size 16x16 'icon of a'")
    #expect(ImageFormat(magic: outcome.output) == .png)
  }

  /// Not by suffix twice, and whatever stands before the last dot is the name.
  @Test(arguments: [("a.b.png", "a.b.png"), (".hidden", ".hidden.png"), ("no", "no.png"), ("x.jpg", "x.png")])
  func resultsAreCalledAfterTheirInputs(name: String, result: String) throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell("mkdir in; cp a.png in/\(name); $ldm \(fast) in/\(name) -d out && ls -A out")
    #expect(String(decoding: outcome.output, as: UTF8.self) == "\(result)\n", "\(outcome.words)")
  }

  @Test func processSubstitutionsAreInputs() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      cat > run <<'X'
      paint() { "$ldm" inpaint -q --steps 1 --seed 1 "$@"; }
      paint --mask mask.png a.png > file
      paint --mask <(cat mask.png) a.png | cmp - file && paint --mask mask.png <(cat a.png) | cmp - file || exit 1
      paint --mask <(cat mask.png) <(cat a.png) > >(cat > late); wait; cmp late file || exit 1
      "$ldm" \(fast) --files0-from <(printf 'a.png\\0mask.png\\0') -d out && test -s out/mask.png
      X
      bash run
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
  }

  /// Through every door: operands, lists, templates, folders, masks, reports, pipes.
  @Test func namesAreBytesEverywhere() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      #"""
      n=$(printf 'x\377\ny'); cp a.png "$n.png"; cp mask.png "mask$n"
      $ldm \#(fast) "./$n.png" -o "out$n-{stem}-{n}.png" && test -s "out$n-$n-1.png" || exit 1
      $ldm inpaint -q --steps 1 --mask "mask$n" "$n.png" -d "in$n" --report "report$n" && test -s "in$n/$n.png" || exit 2
      printf '%s\0' "$n.png" > "list$n"; $ldm \#(fast) --files0-from "list$n" -o "$n.jpg" && test -s "$n.jpg" || exit 3
      $ldm encode -q "$n.png" -o "$n.safetensors" && $ldm decode -q "$n.safetensors" -o "$n.decoded.png" || exit 4
      $ldm info --json "$n.png" "$n.safetensors" | cat - "report$n"
      $ldm upscale "gone$n" "also$n" -d out; test $? = 1
      """#)
    #expect(outcome.status == 0, "\(outcome.words)")
    #expect(
      outcome.words == """
        ldm: gonex\u{fffd}\\ny: No such file or directory
        ldm: alsox\u{fffd}\\ny: No such file or directory

        """)
    let lines = String(decoding: outcome.output, as: UTF8.self).split(separator: "\n")
    let objects = try lines.map { try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
    let name = Array("x".utf8) + [0xff, 0x0a] + Array("y".utf8)
    func bytes(_ object: [String: Any], _ key: String) -> [UInt8]? {
      (object["\(key)_base64"] as? String).flatMap { Data(base64Encoded: $0) }.map { [UInt8]($0) }
    }
    try #require(objects.count == 3)
    #expect(objects.map { $0["file"] as? String } == ["x\u{fffd}\ny.png", "x\u{fffd}\ny.safetensors", nil])
    #expect(bytes(objects[0], "file") == name + Array(".png".utf8))
    #expect(bytes(objects[2], "in") == name + Array(".png".utf8))
    #expect(bytes(objects[2], "out") == Array("in".utf8) + name + Array("/".utf8) + name + Array(".png".utf8))
  }

  /// What programs are told of streams and prompts.
  @Test func reportsNameWhatTheyWereGiven() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      cat a.png mask.png | $ldm \(fast) -d out --report one && $ldm \(fast) < a.png --report two > x
      $ldm txt2img -q --steps 1 --size 16x16 --seed 1 'a "b"' --report three > x; cat one two three
      """)
    let lines = String(decoding: outcome.output, as: UTF8.self).split(separator: "\n")
    let objects = try lines.map { try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
    #expect(objects.map { $0["in"] as? String } == ["-", "-", "-", "a \"b\""])
    #expect(objects.map { $0["picture"] as? Int } == [nil, 2, nil, nil])
    #expect(objects.map { $0["out"] as? String } == ["out/stdin.png", "out/stdin-2.png", "-", "-"])
  }

  @Test func promptsComeALineEachWithoutHarmToUnicode() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      printf 'icon of a bell\\n\\n  \\nicon of a ключ\\n' | LC_ALL=C $ldm txt2img -q --steps 1 --size 16x16 -d out; ls out
      echo 'icon of a bell' > p; LC_ALL=C $ldm txt2img -q --steps 1 --size 16x16 --prompt-file p -o q.png && test -s q.png || exit 1
      $ldm img2img -q --prompt-file - < a.png 2> words; test $? = 64 || exit 2
      """)
    #expect(outcome.status == 0)
    #expect(String(decoding: outcome.output, as: UTF8.self) == "icon-of-a-bell.png\nicon-of-a-ключ.png\n")
  }

  /// A wish a line, each with settings of its own; the command line's hold where a line says nothing.
  @Test func wishesComeAsLinesOfJSON() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      #"""
      draw="$ldm txt2img -q --steps 1 --size 16x16 --seed 9"
      cat > wishes <<'X'
      {"prompt": "icon of a bell", "seed": 5, "steps": 2, "size": "24x16"}

      {"prompt": "icon of\na key", "negative": "-", "guidance": 2.5}
      X
      $draw --json-lines -o '{n}.png' < wishes && $draw --json-lines --prompt-file wishes -o '{n}-{seed}.png' || exit 1
      cmp 1.png 1-5.png && cmp 2.png 2-9.png && $draw --seed 5 --steps 2 --size 24x16 'icon of a bell' | cmp - 1.png || exit 2
      printf 'icon of\na key\0icon of a bell\0' | $draw -0 -o 'z{n}.png' --negative=- --guidance 2.5 && cmp z1.png 2.png || exit 3
      for bad in '[1]' '{"seed": 5}' '{"prompt": "x", "model": "y"}' '{"prompt": "x", "steps": 0}' '{"prompt": "x", "seed": [1]}'; do
        printf '{"prompt": "x"}\n%s\n' "$bad" | $draw --json-lines -d bad 2>> words; test $? = 65 || exit 4
      done
      test ! -e bad && cat words >&2
      """#)
    #expect(outcome.status == 0, "\(outcome.words)")
    let lines = outcome.words.split(separator: "\n")
    #expect(lines.count == 5 && lines.allSatisfy { $0.hasPrefix("ldm: standard input: line 2: ") }, "\(outcome.words)")
  }

  @Test func modelsAreLookedForWhereTheUserKeepsThem() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      mkdir -p data/ldm/models; ln -s "$($ldm models path builtin)/base" data/ldm/models/mine
      test "$(XDG_DATA_HOME=$PWD/data $ldm models path mine)" = "$PWD/data/ldm/models/mine" || exit 1
      hub=$PWD/cache/huggingface/hub; mkdir -p $hub/models--me--mine/snapshots; export HF_HOME= HF_HUB_CACHE=
      ln -s "$($ldm models path builtin)/base" $hub/models--me--mine/snapshots/1
      test "$(XDG_CACHE_HOME=$PWD/cache $ldm models path me/mine)" = $hub/models--me--mine/snapshots/1 || exit 2
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
  }

  @Test func benchComparesInJSONToo() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      echo '{"vae_decode": {"seconds": 1000}}' > before; $ldm bench --json --runs 1 --size 16x16 --compare before
      """)
    let object = try #require(JSONSerialization.jsonObject(with: Data(outcome.output)) as? [String: Any])
    let ratios = ["vae_decode", "vae_encode"].map { (object[$0] as? [String: Any])?["ratio"] as? Double }
    #expect(ratios[0].map { (0..<1).contains($0) } ?? false)
    #expect(ratios[1] == nil)
  }
}
