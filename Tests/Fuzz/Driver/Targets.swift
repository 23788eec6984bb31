import Foundation
import Images
import Weights

/// A parser of foreign bytes, and sound files for it.
struct Target {
  enum Outcome { case accepted, refused }

  let name: String
  /// By kind: pieces are exchanged within one.
  let sound: [[[UInt8]]]
  /// What goes bad is an error, told by a typed throw; everything else ends the process.
  let parse: ([UInt8]) -> Outcome

  private static func attempt(_ body: () throws -> Void) -> Outcome {
    do {
      try body()
      return .accepted
    } catch {
      return .refused
    }
  }

  /// The largest picture, in pixels, so that a lying header costs no memory.
  private static let maximumPixels = 4096

  static func all(_ tests: URL) throws -> [Target] {
    let pictures = try files(tests.appendingPathComponent("ImagesTests/Fixtures"))
    func kind(_ suffixes: String...) -> [[UInt8]] {
      pictures.filter { suffixes.contains($0.key.pathExtension) }.map(\.value)
    }
    let some = try Image(decoding: kind("jpg")[0])
    let tagged = described(some)
    let plain = try (["png", "jpeg", "webp", "pnm"] as [String]).map {
      try tagged.encoded(as: ImageFormat(suffix: $0)!)
    }
    let text = Array("P3\n3 2\n15\n1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 0 1 2\n".utf8)
    let alpha =
      Array("P7\nWIDTH 2\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n".utf8) + [1, 2, 3, 4, 5, 6, 7, 8]
    let weights = try files(tests.appendingPathComponent("WeightsTests/Fixtures")).filter { $0.value.count < 200_000 }
    func tensors(_ suffixes: String...) -> [[UInt8]] {
      weights.filter { suffixes.contains($0.key.pathExtension) }.map(\.value)
    }
    return [
      Target(
        name: "pictures",
        sound: [
          kind("png") + [plain[0]], kind("jpg") + [plain[1]], kind("webp") + [plain[2]], [plain[3], text, alpha],
        ],
        parse: { bytes in picture(bytes) }),
      Target(name: "profiles", sound: [kind("icc")], parse: { bytes in profile(bytes, on: some) }),
      Target(name: "Exif", sound: [[tagged.metadata.exif!]], parse: { bytes in metadata(some) { $0.exif = bytes } }),
      Target(name: "XMP", sound: [[tagged.metadata.xmp!]], parse: { bytes in metadata(some) { $0.xmp = bytes } }),
      Target(
        name: "weights",
        sound: [tensors("safetensors"), tensors("pt", "pth", "ckpt", "bin")].filter { !$0.isEmpty },
        parse: { bytes in
          attempt {
            let file = try Weights(TensorFile(MappedFile(name: "input", contents: bytes)))
            for tensor in file.all.values where tensor.isWeight && tensor.count < 1 << 20 {
              _ = tensor.tensor()
            }
          }
        }),
    ]
  }

  private static func files(_ folder: URL) throws -> [(key: URL, value: [UInt8])] {
    let paths =
      FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL } ?? []
    return try paths.filter { !$0.hasDirectoryPath }.sorted { $0.path < $1.path }
      .map { ($0, [UInt8](try Data(contentsOf: $0))) }
  }

  /// With all that a camera and `ldm` write beside pixels.
  private static func described(_ image: Image) -> Image {
    var image = image
    let provenance = Provenance(
      prompt: "a <b> & \"c\"", negativePrompt: "d", settings: [("Steps", "20"), ("Seed", "1")], source: .composite,
      software: "ldm", model: "m", finished: nil)
    for _ in 0..<2 { image.metadata = provenance.written(into: image.metadata, for: .jpeg) }
    return image
  }

  /// Decodes, and writes again what was decoded; streams' ends are looked for byte by byte, as they arrive.
  private static func picture(_ bytes: [UInt8]) -> Outcome {
    if let format = ImageFormat(magic: bytes) {
      var extent = PictureExtent(format)
      for part in [bytes.count / 3, bytes.count / 2, bytes.count] { _ = extent.end(in: Array(bytes[..<part])) }
    }
    return attempt {
      _ = try? ImageHeader(of: bytes)
      let image = try Image(decoding: bytes, maximumPixels: maximumPixels)
      _ = (Provenance.parameters(in: image.metadata), Provenance.history(in: image.metadata))
      for format in [ImageFormat.png, .jpeg] {
        let again = try image.encoded(as: format)
        _ = try Image(decoding: again, maximumPixels: maximumPixels)
      }
    }
  }

  private static func profile(_ bytes: [UInt8], on picture: Image) -> Outcome {
    var picture = picture
    picture.metadata.icc = bytes
    guard let profile = ColorProfile(bytes) else { return .refused }
    _ = picture.inSRGB().converted(to: profile, depth: 8)
    return .accepted
  }

  /// What is read of metadata, and what comes of writing into it.
  private static func metadata(_ picture: Image, _ damage: (inout ImageMetadata) -> Void) -> Outcome {
    var picture = picture
    damage(&picture.metadata)
    let metadata = picture.metadata
    let (parameters, source) = (Provenance.parameters(in: metadata), Provenance.source(in: metadata))
    let history = Provenance.history(in: metadata)
    let described = described(picture)
    return attempt {
      for format in [ImageFormat.jpeg, .png, .webp] {
        _ = try Image(decoding: described.encoded(as: format), maximumPixels: maximumPixels)
      }
      if parameters == nil && source == nil && history.isEmpty { throw Nothing() }
    }
  }

  private struct Nothing: Error {}
}
