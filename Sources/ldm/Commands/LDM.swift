import ArgumentParser
import LatentDiffusion

struct LDM: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ldm",
    abstract: "Latent diffusion as a Unix filter: pictures in on stdin, pictures out on stdout.",
    discussion: """
      ldm upscale < photo.jpg > big.jpg
      ldm img2img -p "an oil painting" --strength 0.5 < photo.jpg > out.jpg
      ldm inpaint --mask mask.png -p "grass" -o out.png photo.jpg
      ldm txt2img "emoji of a red apple" | ldm upscale > apple.png
      """,
    version: "ldm \(Version.number)",
    subcommands: [
      TextToImageCommand.self, ImageToImageCommand.self, InpaintCommand.self, UpscaleCommand.self, EncodeCommand.self,
      DecodeCommand.self, InfoCommand.self, ModelsCommand.self, SamplersCommand.self, PluginsCommand.self,
      BenchCommand.self,
    ])

  static var commands: [String] { configuration.subcommands.compactMap { $0.configuration.commandName } }
}
