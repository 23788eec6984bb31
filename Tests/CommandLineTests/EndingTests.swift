import Foundation
import LatentDiffusion
import Testing

/// How processes end, and where they find the model.
@Suite(.serialized) struct EndingTests {
  let ldm: Binary

  init() throws {
    ldm = try Binary()
    try ldm.write(Samples.picture(width: 160, height: 160), "in.png")
  }

  @Test(arguments: [(SIGINT, "INT"), (SIGTERM, "TERM"), (SIGKILL, "KILL")])
  func aKilledProcessLeavesNoFile(signal: Int32, name: String) throws {
    defer { ldm.remove() }
    // Long enough that it cannot be done. A shell without a terminal has SIGINT ignored in the background.
    let outcome = try ldm.shell(
      """
      env --default-signal=INT,TERM $ldm upscale -q --steps 500 -o out.png in.png & sleep 0.8; kill -\(name) $!; wait $!; echo $? > status
      """)
    let status = try String(contentsOf: ldm.file("status"), encoding: .utf8)
    #expect(status == "\(128 + signal)\n", "\(outcome.words)")
    #expect(ldm.names == ["in.png", "status"])
  }

  /// The first asks for an end after the step in hand, which may be long; the second does not wait.
  @Test func aSecondInterruptEndsAtOnce() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      env --default-signal=INT $ldm upscale -q --steps 500 -o out.png in.png & sleep 0.8; kill -INT $!; kill -INT $!; wait $!
      test $? = 130 && ! test -e out.png
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
  }

  /// dd(1) answers so.
  @Test func aLineOfProgressOnRequest() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      $ldm upscale -q --steps 500 -o out.png in.png 2> words & sleep 1.5; kill -USR1 $!
      for i in $(seq 100); do test -s words && break; sleep 0.1; done; kill -TERM $!; wait $!; cat words >&2
      """)
    #expect(
      outcome.words.firstMatch(of: /ldm: in\.png: (begun|sampling \d+ of \d\d+(, .+ left)?)\n/) != nil,
      "\(outcome.words)")
  }

  @Test func aClosedPipeIsSilent() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell("$ldm upscale -q --steps 1 -f pnm in.png | head -c 1 > /dev/null")
    #expect(outcome.words.isEmpty)
  }

  @Test func theModelIsFoundFromAMovedBinary() throws {
    defer { ldm.remove() }
    let resources = "LatentDiffusion_BuiltInModel.resources"
    let products = Binary.built.deletingLastPathComponent()
    try FileManager.default.createDirectory(at: ldm.file("bin"), withIntermediateDirectories: true)
    for name in ["ldm", resources] {
      try FileManager.default.copyItem(at: products.appendingPathComponent(name), to: ldm.file("bin/\(name)"))
    }
    let outcome = try ldm.shell(
      """
      ln -s bin/ldm link; unset LDM_MODELS
      test "$(./link models path builtin)" = "$(pwd -P)/bin/\(resources)/model" && ./link upscale -q --steps 1 in.png > out.png
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
    #expect(try ldm.image("out.png").width == 640)
    // Without its resources it says so.
    let without = try ldm.shell("rm -r bin/\(resources); HOME=/nowhere ./link upscale in.png > out.png")
    #expect(without.status == 69)
    #expect(without.words.split(separator: "\n").count == 1)
  }

  @Test func modelsAreFoundByName() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      "mkdir -p models && ln -s \"$($ldm models path builtin)/base\" models/mine && LDM_MODELS=$PWD/models $ldm models path mine"
    )
    #expect(outcome.status == 0)
    #expect(String(decoding: outcome.output, as: UTF8.self).hasSuffix("/models/mine\n"))
  }
}
