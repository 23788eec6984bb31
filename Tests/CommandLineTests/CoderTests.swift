import Foundation
import LatentDiffusion
import Testing
import Weights

/// `ldm encode` and `ldm decode`: streams, places, signals, and what results say.
@Suite(.serialized) struct CoderTests {
  let ldm: Binary

  init() throws {
    ldm = try Binary()
    try ldm.write(Samples.picture(), "a.png")
    try ldm.write(Samples.picture(width: 16, height: 24), "b.png")
  }

  private func facts(_ command: String) throws -> [[String: Any]] {
    try String(decoding: ldm.shell(command).output, as: UTF8.self).split(separator: "\n").map {
      try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  @Test func eachPictureOfAStreamIsEncoded() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      cat a.png b.png | $ldm encode -q -d out && $ldm encode -q b.png | cmp - out/stdin-2.safetensors || exit 1
      $ldm encode -q a.png | cmp - out/stdin.safetensors || exit 2
      cat a.png b.png | $ldm encode -q > x; test $? = 65 && test ! -s x || exit 3
      cat a.png b.png | $ldm encode -q -o y; test $? = 65 && test ! -e y || exit 4
      """)
    #expect(outcome.status == 0, "\(outcome.status) \(outcome.words)")
    #expect(outcome.words.split(separator: "\n").count == 2, "\(outcome.words)")
  }

  @Test func eachPictureOfAStreamIsToldOf() throws {
    defer { ldm.remove() }
    let pictures = try facts("cat a.png b.png | $ldm info --json")
    #expect(pictures.map { $0["height"] as? Int } == [16, 24])
    #expect(pictures.map { $0["picture"] as? Int } == [nil, 2])
    #expect(try facts("$ldm encode -q a.png | $ldm info --json").first?["latents"] != nil)
  }

  /// Neither is read further than to know what would be written.
  @Test func whatIsThereCostsNoWork() throws {
    defer { ldm.remove() }
    let latents = try SafetensorsWriter.encoded(["latents": Tensor(repeating: 0, shape: [2, 9, 1, 1])])
    try Data(latents).write(to: ldm.file("bad.safetensors"))
    let outcome = try ldm.shell(
      """
      head -c 60 a.png > bad.png; mkdir out; touch out/bad.safetensors out/bad-1.png out/bad-2.png
      $ldm encode --skip-existing -d out bad.png && $ldm decode --skip-existing -d out bad.safetensors || exit 1
      $ldm encode --no-clobber -d out bad.png 2> words; test $? = 73 || exit 2
      $ldm decode --no-clobber -d out bad.safetensors 2> words; test $? = 73 || exit 3
      """)
    #expect(outcome.status == 0, "\(outcome.status) \(outcome.words)")
  }

  /// The signal comes while the picture is decoded and encoded: nobody looks until that is done.
  @Test func aSignalIsNotForgotten() throws {
    defer { ldm.remove() }
    try ldm.write(Samples.picture(width: 640, height: 640), "large.png")
    let outcome = try ldm.shell(
      """
      mkfifo in; env --default-signal=TERM $ldm encode -q -o out.safetensors < in & cat large.png > in; kill -TERM $!
      wait $!; test $? = 143 && ! test -e out.safetensors
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
  }

  @Test func aFIFOIsWaitedFor() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      $ldm encode -q a.png > latents; mkfifo in; $ldm decode -q in -o out.png & sleep 0.7; kill -USR1 $!
      timeout 20 sh -c 'cat latents > in'; wait $! && test -s out.png || exit 1
      env --default-signal=INT $ldm decode -q in -o two.png & sleep 0.7; kill -INT $!; wait $!; test $? = 130
      """)
    #expect(outcome.status == 0, "\(outcome.status) \(outcome.words)")
  }

  @Test func decodedPicturesSayWhatMadeThem() throws {
    defer { ldm.remove() }
    let told = try facts(
      """
      $ldm encode a.png > latents; $ldm decode -o x.png latents; $ldm decode --strip -o y.png latents
      $ldm info --json x.png y.png
      """)
    #expect(told.map { $0["digital_source_type"] as? String } == ["trainedAlgorithmicMedia", nil])
    #expect((told.first?["parameters"] as? String)?.contains("Task: decode, Version: ldm") ?? false)
  }
}
