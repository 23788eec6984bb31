import Diffusion
import Models

/// For each place of a hole the place that it is most like.
package struct PatchMatches {
  /// Of a map.
  let size: Size
  /// By place of the first map, places of `Exemplars`; -1 where nothing is painted.
  package var places: [Int32]

  /// The smallest rectangle about the hole.
  var box: Region {
    let hole = places.indices.filter { places[$0] >= 0 }
    let (rows, columns) = (hole.map { $0 / size.width }, hole.map { $0 % size.width })
    return Region(rows: rows.min()!..<(rows.max()! + 1), columns: columns.min()!..<(columns.max()! + 1))
  }

  /// Those by which known windows fill the hole.
  init(filling exemplars: Exemplars) { (size, places) = (exemplars.size, Filling(exemplars).sources) }

  /// Those of smaller maps, enlarged: what lay side by side lies side by side again. By chance where that is no known window,
  /// and without smaller maps.
  init(in exemplars: Exemplars, like coarse: PatchMatches?, random: inout SplitMix) {
    size = exemplars.size
    places = Array(repeating: -1, count: size.height * size.width)
    for place in exemplars.hole {
      let match = coarse?.enlarged(at: place, in: exemplars) ?? exemplars.places.randomElement(using: &random)!
      places[place] = Int32(match)
    }
  }

  /// What a place of a larger map is like, by this place or one next to it.
  private func enlarged(at place: Int, in exemplars: Exemplars) -> Int? {
    let (h, w) = (exemplars.size.height, exemplars.size.width)
    let (y, x) = (place / w, place % w)
    for (dy, dx) in [(0, 0), (0, -1), (0, 1), (-1, 0), (1, 0)] {
      let (smallY, smallX) = (y * size.height / h + dy, x * size.width / w + dx)
      guard (0..<size.height).contains(smallY), (0..<size.width).contains(smallX) else { continue }
      let match = Int(places[smallY * size.width + smallX])
      guard match >= 0 else { continue }
      let (map, matchY) = (match / places.count, match % places.count / size.width)
      let (down, right) = ((matchY - smallY) * h / size.height, (match % size.width - smallX) * w / size.width)
      if let found = exemplars.place(map * h * w + place, movedBy: down, right) { return found }
    }
    return nil
  }
}
