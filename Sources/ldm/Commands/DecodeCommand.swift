import ArgumentParser
import Foundation
import LatentDiffusion
import Weights

struct DecodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "decode", abstract: "Decodes latents, as \"ldm encode\" writes them, into pictures.",
    discussion: "ldm encode < photo.jpg | ldm decode > back.png")

  @OptionGroup var input: InputOptions
  @OptionGroup(title: "Model") var model: ModelOptions
  @OptionGroup(title: "Output") var output: OutputOptions
  @OptionGroup(title: "Telling") var telling: TellingOptions

  func run() throws {
    let sources = try input.sources()
    let coder = try Coder(output.destination, model, telling, inputs: sources)
    let safeguard = try Safeguard(output.safety, coder.engine)
    for source in sources {
      let origin = Origin(source)
      try coder.attempt(origin) { try decode(source, origin, coder, safeguard) }
    }
    try coder.finish()
  }

  private func decode(_ source: Source, _ origin: Origin, _ coder: Coder, _ safeguard: Safeguard) throws {
    let bytes = try Streams.read(source, limit: 4 << 30)
    guard !bytes.isEmpty else { throw Failure(.badData, "is empty; expected latents as safetensors") }
    let (latents, metadata) = try Self.latents(bytes, source)
    let format = output.format(input: nil)
    let places = try coder.places(latents.shape[0], for: source, suffix: format.fileSuffix)
    if places.allSatisfy({ $0 == nil }) { coder.skip(origin) }
    for case (let row, let place?) in places.enumerated() {
      let picture = try coder.engine.decode(latents.slice(axis: 0, row..<(row + 1)))
      guard picture.isFinite else { throw Failure(.badData, "its latents are too large to decode") }
      let whole = Image(tensor: Self.cropped(picture, metadata), depth: output.depth ?? 8)
      var (image, found) = try safeguard.passed(whole)
      if !found.isEmpty { coder.teller.warn("\(source): blurred: \(Refusal.objection(found))") }
      if !output.strip { image.metadata = provenance(coder.modelName).written(into: image.metadata, for: format) }
      try coder.write(image.encoded(as: format, output.encoding), to: place, of: origin)
    }
  }

  /// What the latents show, and how they were made, nobody tells.
  private func provenance(_ model: String) -> Provenance {
    let software = "ldm \(Version.number)"
    return Provenance(
      prompt: "", settings: [("Model", model), ("Task", "decode"), ("Version", software)], source: .trained,
      software: software, model: model)
  }

  /// A bad file of latents is one bad input; a bad file of a model stops all.
  private static func file(_ bytes: [UInt8], _ source: Source) throws -> SafetensorsFile {
    do {
      return try SafetensorsFile(MappedFile(name: source.description, contents: bytes))
    } catch {
      guard case .malformed(_, let why) = error else { throw error }
      guard ImageFormat(magic: bytes) == nil else {
        throw Failure(.badData, "is a picture already; expected latents, as ldm encode writes them")
      }
      throw Failure(.badData, "no sound safetensors file: \(why)")
    }
  }

  private static func latents(_ bytes: [UInt8], _ source: Source) throws -> (Tensor, [String: String]) {
    let file = try file(bytes, source)
    guard let tensor = file.tensors["latents"], tensor.type.isWeight, tensor.shape.count == 4,
      tensor.shape.allSatisfy({ $0 > 0 })
    else { throw Failure(.badData, "holds no tensor \"latents\" of shape [N, C, h, w] and of a type for weights") }
    let latents = tensor.tensor()
    guard latents.isFinite else { throw Failure(.badData, "its latents are not finite") }
    return (latents, file.metadata)
  }

  /// To the size of the picture that was encoded, where the file tells it.
  private static func cropped(_ picture: Tensor, _ metadata: [String: String]) -> Tensor {
    guard let width = metadata["width"].flatMap({ Int($0) }), let height = metadata["height"].flatMap({ Int($0) }),
      (1...picture.shape[3]).contains(width), (1...picture.shape[2]).contains(height)
    else { return picture }
    return picture.cropped(top: 0, left: 0, height: height, width: width)
  }
}
