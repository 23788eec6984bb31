import ArgumentParser
import LatentDiffusion
import Weights

struct EncodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "encode", abstract: "Encodes a picture into latents, as safetensors.",
    discussion: "ldm encode < photo.jpg | ldm decode > back.png")

  @OptionGroup var input: InputOptions
  @OptionGroup(title: "Model") var model: ModelOptions
  @OptionGroup(title: "Output") var destination: DestinationOptions
  @OptionGroup(title: "Telling") var telling: TellingOptions

  func run() throws {
    let sources = try input.sources()
    let coder = try Coder(destination, model, telling, inputs: sources)
    let allotment = Allotment(
      destinations: coder.destinations, seed: 0, count: 1, format: nil, encoding: EncodingOptions(),
      suffix: "safetensors")
    let intake = Intake(sources, maximumPixels: input.maxPixels, allotment: allotment)
    while let arrival = try intake.next(idle: coder.teller.idle) {
      try coder.attempt(arrival.origin) {
        guard case .picture(let picture, let pieces) = try arrival.contents.get() else {
          return coder.skip(arrival.origin)
        }
        let image = picture.inSRGB()
        let file = try SafetensorsWriter.encoded(
          ["latents": coder.engine.encode(image.tensor())],
          metadata: ["width": "\(image.width)", "height": "\(image.height)", "model": coder.modelName])
        for piece in pieces { try coder.write(file, to: piece.target, of: arrival.origin) }
      }
    }
    try coder.finish()
  }
}
