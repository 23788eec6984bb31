import ArgumentParser
import Foundation
import LatentDiffusion

/// Where results go. Commands that write no pictures use it too.
struct DestinationOptions: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "Writes there instead of stdout; of several: a name with {stem}, {n} or {seed} in it.", valueName: "file"),
    completion: .file())
  var output: String?

  @Option(
    name: [.customShort("d"), .long],
    help: ArgumentHelp(
      "Writes into a folder, under the inputs' names; makes it where it is missing.", valueName: "dir"),
    completion: .directory)
  var outputDir: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Stands after the input's name in -d's names: --suffix -4x.", valueName: "text"))
  var suffix: String = ""

  @Flag(help: "Leaves out inputs whose result is there already.")
  var skipExisting = false

  @Flag(name: .shortAndLong, help: "Replaces no file: an existing one is an error.")
  var noClobber = false

  func validate() throws {
    guard output == nil || outputDir == nil else { throw ValidationError("give --output or --output-dir, not both") }
    guard output != "", outputDir != "" else { throw ValidationError("--output and --output-dir must name something") }
    guard outputDir != nil || suffix.isEmpty else { throw ValidationError("--suffix needs --output-dir") }
    guard !suffix.contains("/") else { throw ValidationError("--suffix must not hold a slash") }
  }
}

struct OutputOptions: ParsableArguments {
  enum SafetyAction: String, CaseIterable, ExpressibleByArgument { case none, blur, refuse }

  @OptionGroup var destination: DestinationOptions

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "png, jpeg, webp or pnm. Default: as -o's suffix says, else the input's, else png.", valueName: "format"),
    completion: .list(ImageFormat.allCases.map(\.rawValue)))
  var format: String?

  @Option(help: ArgumentHelp("1 to 100, for JPEG (92) and WebP (90).", valueName: "n"))
  var quality: Int?

  @Flag(help: "WebP without loss.")
  var lossless = false

  @Option(help: ArgumentHelp("Bits a sample, 8 or 16, for PNG and PNM. Default: the input's.", valueName: "bits"))
  var depth: Int?

  @Flag(
    help: "Writes no metadata: neither how the picture was made, nor what the input had (its colour profile stays).")
  var strip = false

  @Flag(
    help: ArgumentHelp(
      "Writes no invisible watermark (\"ldm info\" reads it; txt2img, img2img, upscale; 8 bits; from 256x256)."))
  var noWatermark = false

  @Option(
    help: ArgumentHelp(
      """
      What becomes of results that a safety checker objects to: none (nobody looks), blur, or refuse (an error, nothing is \
      written). The checker is the model's own, or the model safety-checker.
      """, valueName: "action"))
  var safety = SafetyAction.none

  func validate() throws {
    guard format.map({ ImageFormat(suffix: $0) != nil }) ?? true else {
      throw ValidationError("--format must be png, jpeg, webp or pnm")
    }
    guard quality.map({ (1...100).contains($0) }) ?? true else {
      throw ValidationError("--quality must be from 1 to 100")
    }
    if format == nil, let suffix = destination.output.flatMap({ FileName($0).suffix })?.lowercased(),
      Self.foreign.contains(suffix)
    {
      throw ValidationError("no .\(suffix) can be written; name a .png, .jpg, .webp or .ppm, or say which by --format")
    }
    guard depth.map({ $0 == 8 || $0 == 16 }) ?? true else { throw ValidationError("--depth must be 8 or 16") }
    if let objection = named.flatMap(encoding.objection) { throw ValidationError(objection) }
  }

  /// Suffixes of formats that nobody means to find PNG under.
  private static let foreign: Set<String> = [
    "gif", "tif", "tiff", "bmp", "avif", "heic", "heif", "jxl", "jp2", "exr", "tga", "ico", "svg", "pdf", "psd",
  ]

  /// The format that the options name.
  var named: ImageFormat? {
    format.flatMap(ImageFormat.init(suffix:))
      ?? destination.output.flatMap { FileName($0).suffix }.flatMap(ImageFormat.init(suffix:))
  }

  func format(input: ImageFormat?) -> ImageFormat { named ?? input ?? .png }

  var encoding: EncodingOptions {
    var options = EncodingOptions()
    options.quality = quality
    options.lossless = lossless
    options.depth = depth
    options.strip = strip
    return options
  }
}
