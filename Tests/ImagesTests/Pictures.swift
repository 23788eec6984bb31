import Foundation
import Images

/// Pictures and metadata that the tests know by a rule.
enum Pictures {
  /// Samples (7 x + 13 y + 31 c) mod 2^depth.
  static func pattern(width: Int = 11, height: Int = 7, alpha: Bool = false, depth: Int = 8) -> Image {
    let top = Float(depth == 16 ? 65535 : 255)
    func value(_ x: Int, _ y: Int, _ c: Int) -> Float { Float((7 * x + 13 * y + 31 * c) % (1 << depth)) / top }
    let pixels = width * height
    let tensor = Tensor(shape: [1, 3, height, width]) { out in
      for i in out.indices { out[i] = 2 * value(i % width, i % pixels / width, i / pixels) - 1 }
    }
    let opacity = Tensor(shape: [1, 1, height, width]) { out in
      for i in out.indices { out[i] = value(i % width, i / width, 3) }
    }
    return Image(tensor: tensor, alpha: alpha ? opacity : nil, depth: depth)
  }

  /// Colour planes, then opacity where there is one, as samples 0...255 or 0...65535.
  static func samples(_ image: Image) -> [Int] {
    let top = Float(image.depth == 16 ? 65535 : 255)
    let colours = image.tensor().elements.map { Int((($0 + 1) / 2 * top).rounded()) }
    return colours + (image.alphaTensor()?.elements.map { Int(($0 * top).rounded()) } ?? [])
  }

  /// Blocks of one colour, a letter's place in the alphabet times 40, a row a string.
  static func blocks(_ rows: [String], side: Int = 16) -> Image {
    let letters = rows.map { Array($0.utf8) }
    let (height, width) = (rows.count * side, letters[0].count * side)
    return Image(
      tensor: Tensor(shape: [1, 3, height, width]) { out in
        for i in out.indices {
          let letter = letters[i / width % height / side][i % width / side]
          out[i] = Float((Int(letter) - 97) * 40) / 255 * 2 - 1
        }
      })
  }

  /// The letters at the blocks' middles.
  static func letters(_ image: Image, side: Int = 16) -> [String] {
    let values = samples(image)
    return (0..<(image.height / side)).map { y in
      String(
        (0..<(image.width / side)).map { x in
          let value = values[(y * side + side / 2) * image.width + x * side + side / 2]
          return Character(Unicode.Scalar(UInt8(97 + (value + 20) / 40)))
        })
    }
  }

  /// A TIFF structure: orientation, maker, and a place on earth in a directory of its own.
  static func exif(orientation: Int, little: Bool = true) -> [UInt8] {
    func number(_ value: Int, _ size: Int) -> [UInt8] {
      let bytes = (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
      return little ? bytes : bytes.reversed()
    }
    func entry(_ tag: Int, _ type: Int, _ count: Int, _ value: [UInt8]) -> [UInt8] {
      number(tag, 2) + number(type, 2) + number(count, 4) + value + Array(repeating: 0, count: 4 - value.count)
    }
    let maker = Array("ACME cameras\0\0".utf8)
    var result: [UInt8] = (little ? [0x49, 0x49] : [0x4d, 0x4d]) + number(42, 2) + number(8, 4)
    // Three entries end at 50, the maker's name at 64, where the directory of the place begins.
    result += number(3, 2) + entry(0x010f, 2, 13, number(50, 4)) + entry(0x0112, 3, 1, number(orientation, 2))
    result += entry(0x8825, 4, 1, number(64, 4)) + number(0, 4) + maker
    result += number(2, 2) + entry(1, 2, 2, Array("N\0".utf8)) + entry(2, 5, 3, number(94, 4)) + number(0, 4)
    return result + [48, 1, 8, 1, 3141, 100].flatMap { number($0, 4) }
  }

  static let xmp = Array(#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF/></x:xmpmeta>"#.utf8)

  static func fixture(_ name: String) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: Bundle.module.bundleURL.appending(path: "Fixtures/\(name)")))
  }
}
