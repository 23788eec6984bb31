import Foundation
import LatentDiffusion
import Testing

/// Batches that are stopped, resumed, watched, and run beside each other.
@Suite(.serialized) struct ManyTests {
  let ldm: Binary
  private let names = (1...5).map { "\($0).png" }
  private let fast = "upscale -q --steps 1 --seed 1 --factor 1"

  init() throws {
    ldm = try Binary()
    for name in names { try ldm.write(Samples.picture(), name) }
  }

  /// The script's short form; its long form is run by hand.
  @Test func aBatchIsResumedAfterAnyKill() throws {
    defer { ldm.remove() }
    let script = Binary.repository.appendingPathComponent("Tests/Scripts/kills.sh").path
    let outcome = try ldm.shell("sh '\(script)' $ldm 8 2>&1")
    #expect(outcome.status == 0, "\(String(decoding: outcome.output, as: UTF8.self))")
  }

  @Test func processesShareTheMachine() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      seq 24 | xargs -P 24 -I N $ldm \(fast) -o out-N.png 1.png || exit 1
      for i in $(seq 24); do cmp out-1.png out-$i.png || exit 2; done
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
  }

  /// Each bad file costs one line, and xargs goes on.
  @Test func manyBadFilesAndOneGood() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      for i in $(seq 300); do echo bad > bad-$i.png; done
      printf '%s\\0' bad-*.png 1.png | xargs -0 -n 200 $ldm \(fast) -d out --report report; test $? = 123 || exit 1
      test -s out/1.png && tail -n 1 report | grep -q '"status": 0}'
      """)
    #expect(outcome.status == 0)
    #expect(outcome.words.split(separator: "\n").filter { $0.hasPrefix("ldm: bad-") }.count == 300)
  }

  @Test func failFastStopsAtTheFirst() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell("$ldm \(fast) -d out --fail-fast 1.png gone.png 2.png")
    #expect(outcome.status == 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: ldm.file("out").path) == ["1.png"])
  }

  @Test func twoInputsDoNotShareAResult() throws {
    defer { ldm.remove() }
    // Nor does the second count as done the next time.
    let outcome = try ldm.shell(
      """
      mkdir x; cp 2.png x/1.png
      for i in 1 2; do $ldm \(fast) -d out --skip-existing 1.png x/1.png; test $? = 1 || exit $i; done
      """)
    #expect(outcome.status == 0)
    #expect(outcome.words.matches(of: /x\/1\.png: its result out\/1\.png is that of 1\.png/).count == 2)
  }

  @Test func progressCountsPictures() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      "$ldm upscale --steps 1 --factor 1 --seed 1 -d out --progress always 1.png 2.png 3.png && "
        + "$ldm upscale --steps 1 --factor 1 --seed 1 -d out --progress json 1.png 2.png | wc -c")
    #expect(outcome.status == 0)
    #expect(outcome.words.contains("ldm: 2 of 3 images, "))
    let lines = outcome.words.split(separator: "\n").filter { $0.hasPrefix("{") }
    for line in lines { _ = try JSONSerialization.jsonObject(with: Data(line.utf8)) }
    #expect(lines.last?.contains("\"images_done\": 1, \"images\": 2}") ?? false)
  }

  @Test func theReportIsJSONForAnyName() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      #"name=$(printf 'a"\n\\\001'); cp 1.png "$name"; $ldm \#(fast) -d out --report r "$name" gone"#)
    #expect(outcome.status == 1)
    let lines = try String(contentsOf: ldm.file("r"), encoding: .utf8).split(separator: "\n")
    let objects = try lines.map { try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]) }
    #expect(objects.map { $0["status"] as? Int } == [0, 66])
    #expect(objects[0]["seed"] as? Int == 1 && objects[0]["seconds"] as? Double ?? 0 > 0)
  }

  /// While it waits for a picture it answers SIGUSR1 and obeys SIGINT.
  @Test func signalsReachAWaitingProcess() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      mkfifo in; env --default-signal=INT $ldm \(fast) -d out < in 2> words & exec 3> in; sleep 0.7
      kill -USR1 $!; for i in $(seq 100); do test -s words && break; sleep 0.1; done
      grep -q '0 of 1 images' words || exit 1; kill -INT $!; wait $!; test $? = 130
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
  }
}
