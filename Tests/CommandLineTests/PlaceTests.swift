import Foundation
import LatentDiffusion
import Testing

/// Where results go: pipes by name, and places that inputs have.
@Suite struct PlaceTests {
  let ldm: Binary
  private let fast = "upscale -q --steps 1 --seed 1 --factor 1"

  init() throws {
    ldm = try Binary()
    try ldm.write(Samples.picture(), "1.png")
    try ldm.write(Samples.mask(), "2.png")
  }

  @Test func pipesAreWrittenToByName() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      $ldm \(fast) 1.png -o x.png; $ldm \(fast) 1.png -o /dev/stdout | cmp - x.png || exit 1
      $ldm \(fast) 1.png -o /dev/fd/3 3>&1 > /dev/null | cmp - x.png || exit 2
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
  }

  /// In any order, and by any name.
  @Test(arguments: [
    "-d b a/1.png b/1.png", "-d b b/1.png a/1.png", "-o '{n}.png' 2.png 1.png", "-o '{n}.png' 2.png link.png",
  ])
  func noResultReplacesAnotherInput(arguments: String) throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      mkdir a b; cp 1.png a; cp 2.png b/1.png; ln -s 1.png link.png; cksum [12].png */*.png > before
      $ldm \(fast) \(arguments) 2> words; test $? = 1 || exit 1
      cksum [12].png */*.png | cmp - before && test $(wc -l < words) = 2
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
  }

  @Test func aFileOfSeveralPicturesIsNotReplacedByOne() throws {
    defer { ldm.remove() }
    try ldm.write(Samples.picture(), "a.ppm", as: .pnm)
    let outcome = try ldm.shell(
      """
      cat a.ppm a.ppm > many.pnm; cp many.pnm copy
      $ldm \(fast) -o many.pnm many.pnm; test $? = 73 && cmp many.pnm copy || exit 1
      $ldm \(fast) -o many.pnm < many.pnm; test $? = 73 && cmp many.pnm copy || exit 2
      $ldm \(fast) -o '{stem}.pnm' many.pnm; test $? = 73 && cmp many.pnm copy || exit 3
      $ldm \(fast) -o a.ppm a.ppm
      """)
    #expect(outcome.status == 0, "\(outcome.status) \(outcome.words)")
    #expect(outcome.words.split(separator: "\n").allSatisfy { $0.contains("holds several pictures") })
  }
}
