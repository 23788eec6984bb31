import Foundation
import LatentDiffusion
import Testing

/// Where `ldm inpaint` repaints: every way of saying it, seen in what changed.
@Suite struct MaskFilterTests {
  let ldm: Binary
  private static let (width, height) = (32, 24)

  init() throws {
    ldm = try Binary()
    try ldm.write(Self.picture, "in.png")
    try ldm.write(Self.mask { x, _ in x < 8 }, "left.png")
    try ldm.write(Self.mask { x, _ in x >= 24 }, "right.png")
  }

  /// Dark, with a magenta square in it; half transparent below row 16 where alpha is asked for.
  private static let picture = picture(alpha: false)

  private static func picture(alpha: Bool) -> Image {
    let tensor = Tensor(shape: [1, 3, height, width]) { out in
      for i in out.indices {
        let (x, y, c) = (i % width, i / width % height, i / (width * height))
        let isMagenta = (12..<16).contains(x) && (4..<8).contains(y)
        out[i] = isMagenta ? (c == 1 ? -1 : 1) : Float(sin(Double(i) * 0.37) * 0.3) - 0.4
      }
    }
    let opacity = Tensor(shape: [1, 1, height, width]) { out in for i in out.indices { out[i] = i / width < 16 ? 1 : 0 }
    }
    return Image(tensor: tensor, alpha: alpha ? opacity : nil)
  }

  private static func mask(where repaints: (Int, Int) -> Bool) -> Image {
    Image(
      tensor: Tensor(shape: [1, 3, height, width]) { out in
        for i in out.indices { out[i] = repaints(i % width, i / width % height) ? 1 : -1 }
      })
  }

  /// The columns and rows that hold a changed pixel, after `ldm inpaint` with `options`.
  private func changed(_ options: String) throws -> (columns: ClosedRange<Int>, rows: ClosedRange<Int>, count: Int) {
    let outcome = try ldm.shell("$ldm inpaint -q --steps 1 --seed 1 \(options) < in.png > out.png")
    #expect(outcome.status == 0, "\(outcome.words)")
    let (before, after) = (try ldm.image("in.png").tensor().elements, try ldm.image("out.png").tensor().elements)
    let plane = Self.width * Self.height
    let places = Set(before.indices.filter { before[$0] != after[$0] }.map { $0 % plane })
    let (x, y) = (places.map { $0 % Self.width }, places.map { $0 / Self.width })
    try #require(!places.isEmpty)
    return (x.min()!...x.max()!, y.min()!...y.max()!, places.count)
  }

  @Test func whiteRepaints() throws {
    defer { ldm.remove() }
    #expect(try changed("--mask left.png").columns.upperBound < 8)
  }

  @Test func invertedBlackRepaints() throws {
    defer { ldm.remove() }
    #expect(try changed("--mask left.png --invert-mask").columns == 8...31)
  }

  @Test func masksAreJoinedByPlus() throws {
    defer { ldm.remove() }
    let both = try changed("--mask left.png+right.png")
    #expect(both.columns == 0...31)
    #expect(both.count <= 16 * Self.height)
  }

  @Test func aNameWithAPlusIsOneFile() throws {
    defer { ldm.remove() }
    try ldm.write(Self.mask { _, y in y < 4 }, "left.png+x")
    #expect(try changed("--mask left.png+x").rows.upperBound < 4)
  }

  @Test func alphaAndAFileTogether() throws {
    defer { ldm.remove() }
    try ldm.write(Self.picture(alpha: true), "in.png")
    let both = try changed("--mask alpha+left.png")
    #expect(both.columns == 0...31 && both.rows == 0...23)
    #expect(both.count <= 8 * 32 + 16 * 8)
  }

  @Test func aColourIsAMask() throws {
    defer { ldm.remove() }
    let magenta = try changed("--mask-from 'color:#ff00ff'")
    #expect(magenta.columns == 12...15 && magenta.rows == 4...7)
    let together = try changed("--mask-from 'color:#FF00FF~0' --mask left.png")
    #expect(together.columns.lowerBound < 8 && together.columns.upperBound == 15)
  }

  @Test(arguments: [1, 3])
  func growWidens(pixels: Int) throws {
    defer { ldm.remove() }
    let grown = try changed("--mask-from 'color:#ff00ff' --grow \(pixels)")
    #expect(grown.columns == (12 - pixels)...(15 + pixels) && grown.rows == (4 - pixels)...(7 + pixels))
  }

  @Test func featherSoftensAndReachesNoFurther() throws {
    defer { ldm.remove() }
    let soft = try changed("--mask left.png --feather 3")
    #expect((8...10).contains(soft.columns.upperBound))
    #expect(try changed("--mask left.png --feather 3 --mask-mode hard").columns.upperBound < 8)
  }

  @Test func aSmallHoleVanishesInNearestModeAlone() throws {
    defer { ldm.remove() }
    try ldm.write(Self.mask { x, y in x == 13 && y == 10 }, "dot.png")
    // The UNet is told of the pixel in one mode and not in the other: the pixel differs. (Matched to its border, one pixel is
    // the mean of those about it, whatever was painted.)
    let options = "-q --steps 1 --seed 1 --no-match-border --mask dot.png"
    let hard = try ldm.shell("$ldm inpaint \(options) --mask-mode hard < in.png")
    let nearest = try ldm.shell("$ldm inpaint \(options) --mask-mode nearest < in.png")
    #expect(hard.status == 0 && nearest.status == 0)
    #expect(try Image(decoding: hard.output).tensor().elements != Image(decoding: nearest.output).tensor().elements)
  }

  @Test func theShareIsTold() throws {
    defer { ldm.remove() }
    func words(_ options: String) throws -> String { try ldm.shell("$ldm inpaint --steps 1 \(options) < in.png").words }
    try ldm.write(Self.mask { _, _ in false }, "none.png")
    #expect(try words("--mask left.png").contains("repainting 25 %"))
    #expect(try words("--mask none.png").contains("repaints nothing"))
    #expect(try words("--mask none.png --invert-mask").contains("repaints 100 % of the picture"))
  }

  @Test func standardInputIsReadOnceAndFromNoTerminal() throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      $ldm inpaint -q --mask right.png+-+- in.png < left.png 2>> words; test $? = 64 || exit 1
      $ldm inpaint -q --mask - --prompt-file - in.png < left.png 2>> words; test $? = 64 || exit 2
      """)
    #expect(outcome.status == 0, "\(outcome.status)")
    let typed = try ldm.terminal("$ldm inpaint --mask - in.png -o x.png")
    #expect(typed.status == 64 && typed.text.contains("--mask - reads stdin"), "\(typed.text)")
  }

  @Test func anEmptyMaskChangesNothing() throws {
    defer { ldm.remove() }
    try ldm.write(Self.mask { _, _ in false }, "none.png")
    #expect(try ldm.shell("$ldm inpaint -q --mask none.png < in.png > out.png").status == 0)
    #expect(try ldm.image("out.png").tensor().elements == ldm.image("in.png").tensor().elements)
  }

  @Test(arguments: [
    "", "--mask ''", "--mask left.png+", "--mask-from '#ff00ff'", "--mask-from 'color:#ff00f'", "--mask - ",
  ])
  func saysWhatIsWrong(options: String) throws {
    defer { ldm.remove() }
    let outcome = try ldm.shell("$ldm inpaint -q \(options) < in.png")
    #expect(outcome.status == 64 && outcome.output.isEmpty, "\(outcome.words)")
    #expect(outcome.words.contains("mask"))
  }
}
