import ArgumentParser
import Foundation
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
    let coder = try Coder(destination, model, telling, inputs: input.sources())
    try coder.each { source in
      let bytes = try Streams.picture(source, maximumPixels: input.maxPixels)
      let image = try Image(decoding: bytes, maximumPixels: input.maxPixels).inSRGB()
      let latents = try coder.engine.encode(image.tensor())
      let file = try SafetensorsWriter.encoded(
        ["latents": latents],
        metadata: [
          "width": "\(image.width)", "height": "\(image.height)",
          "model": URL(fileURLWithPath: coder.engine.path).lastPathComponent,
        ])
      return [(file, "safetensors")]
    }
  }
}
