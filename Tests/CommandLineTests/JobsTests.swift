import Foundation
import LatentDiffusion
import Testing

/// `--jobs`: several pictures at a time, and nothing else that differs.
@Suite(.serialized) struct JobsTests {
  let ldm: Binary
  private let names = (1...6).map { "\($0).png" }
  private let fast = "upscale -q --steps 1 --seed 1 --factor 1"

  init() throws {
    ldm = try Binary()
    // The first takes longest: the others are done before it.
    for (index, name) in names.enumerated() { try ldm.write(Samples.picture(width: index == 0 ? 160 : 24), name) }
  }

  private func report(_ name: String) throws -> [[String: Any]] {
    try String(contentsOf: ldm.file(name), encoding: .utf8).split(separator: "\n").map {
      try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  @Test func bytesAndOrderAreThoseOfOneAtATime() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      $ldm \(fast) --count 2 -d one *.png --jobs 1 && $ldm \(fast) --count 2 -d three --report r *.png --jobs 3 && diff -r one three
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
    let lines = try report("r")
    #expect(lines.map { $0["in"] as? String } == names.flatMap { [$0, $0] })
    #expect(lines.map { $0["seed"] as? Int } == names.flatMap { _ in [1, 2] })
  }

  @Test func failuresKeepTheirPlace() throws {
    defer { ldm.remove() }
    try Data("bad".utf8).write(to: ldm.file("2.png"))
    let outcome = try ldm.shell("$ldm \(fast) -d out --report r --jobs 3 1.png 2.png gone 3.png 4.png")
    #expect(outcome.status == 1)
    #expect(outcome.words.split(separator: "\n").map { $0.prefix(11) } == ["ldm: 2.png:", "ldm: gone: "])
    #expect(try report("r").map { $0["status"] as? Int } == [0, 65, 66, 0, 0])
  }

  @Test func aStreamKeepsItsOrder() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      cat *.png | $ldm \(fast) --jobs 3 -d out && for i in 2 3 4 5 6; do $ldm \(fast) $i.png | cmp - out/stdin-$i.png || exit 9; done
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
  }

  @Test func failFastBeginsNothingMore() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell("$ldm \(fast) -d out --jobs 4 --fail-fast 1.png gone.png 2.png 3.png")
    #expect(outcome.status == 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: ldm.file("out").path) == ["1.png"])
  }

  @Test(arguments: ["--jobs 0", "--jobs 2 --preview p.png", "--jobs 2 --max-memory 1G"])
  func whatCannotBeIsWrongUsage(options: String) throws {
    defer { ldm.remove() }
    #expect(try ldm.shell("XDG_CACHE_HOME=$PWD/cache $ldm \(fast) -d out \(options) *.png").status == 64)
  }

  @Test func aBatchThatIsStoppedLeavesWholeFiles() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      $ldm \(fast) -d whole *.png
      env --default-signal=TERM $ldm \(fast) -d out --jobs 3 --count 40 *.png &
      for i in $(seq 300); do ls out/*-1.png > /dev/null 2>&1 && break; sleep 0.1; done
      kill -TERM $!; wait $!; test $? = 143 || exit 1
      for file in out/*-1.png; do name=${file##*/}; cmp $file whole/${name%-1.png}.png || exit 2; done; ls -A out | grep '^[.]' && exit 3 || exit 0
      """)
    #expect(outcome.status == 0, "\(outcome.status) \(outcome.words)")
  }
}
