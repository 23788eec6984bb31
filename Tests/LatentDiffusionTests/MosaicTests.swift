import LatentDiffusion
import Testing

@Suite struct MosaicTests {
  /// Squares from corner to corner, at their places, at the scale asked for.
  @Test func squaresComeFromAllOverTheMap() {
    let mosaic = Mosaic(of: Size(height: 40, width: 100), size: Size(height: 20, width: 36), square: 10)
    #expect(mosaic.size == Size(height: 20, width: 30))
    #expect(mosaic.squares.map(\.source.rows.lowerBound) == [0, 0, 0, 30, 30, 30])
    #expect(mosaic.squares.map(\.source.columns.lowerBound) == [0, 45, 90, 0, 45, 90])
    let map = Tensor((0..<80 * 200).map { Float($0) }, shape: [1, 1, 80, 200])
    let tensor = mosaic.tensor(channels: 1, scale: 2) { $0.cut(map) }
    #expect(tensor.shape == [1, 1, 40, 60])
    let found = tensor.elements
    #expect(found[0] == 0 && found[20] == 90 && found[59] == 199)
    #expect(found[20 * 60] == 60 * 200 && found[39 * 60 + 59] == 79 * 200 + 199)
  }

  @Test func aMapThatIsHardlyLargerGivesItsMiddle() {
    let mosaic = Mosaic(of: Size(height: 20, width: 33), size: Size(height: 20, width: 32), square: 16)
    #expect(
      mosaic.squares.map(\.source) == [
        Region(rows: 2..<18, columns: 0..<16), Region(rows: 2..<18, columns: 17..<33),
      ])
  }

  @Test func aMapNarrowerThanASquareIsTakenWhole() {
    let mosaic = Mosaic(of: Size(height: 3, width: 70), size: Size(height: 3, width: 33), square: 16)
    #expect(mosaic.size == Size(height: 3, width: 32) && mosaic.squares.count == 2)
    #expect(mosaic.squares[1].source == Region(rows: 0..<3, columns: 54..<70))
  }
}
