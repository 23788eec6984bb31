import ArgumentParser
import LatentDiffusion

struct MaskOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where to repaint: a picture, white repaints; or alpha: where the input is transparent.", valueName: "file|alpha"),
    completion: .file())
  var mask: String?

  @Option(
    help: ArgumentHelp(
      "How grey is read: hard (half or more repaints), soft (blends), nearest (hard, as diffusers samples it).",
      valueName: "how"),
    completion: .list(MaskMode.allCases.map(\.rawValue)))
  var maskMode: String?

  @Flag(help: "Repaints where the mask is black.")
  var invertMask = false

  @Option(help: ArgumentHelp("Widens what is repainted.", valueName: "pixels"))
  var grow: Int = 0

  @Option(help: ArgumentHelp("Softens the mask's edge; means --mask-mode soft.", valueName: "pixels"))
  var feather: Int = 0

  func validate() throws {
    guard mask != "" else { throw ValidationError("--mask names no file") }
    guard (0...4096).contains(grow) else { throw ValidationError("--grow must be from 0 to 4096") }
    guard (0...4096).contains(feather) else { throw ValidationError("--feather must be from 0 to 4096") }
    if let maskMode { _ = try choice(maskMode, "--mask-mode", MaskMode.allCases.map(\.rawValue)) }
  }

  var mode: MaskMode { maskMode.flatMap(MaskMode.init) ?? (feather > 0 ? .soft : .hard) }
  var isAlpha: Bool { mask == "alpha" }

  /// The mask's own picture; nil for `alpha`, and where no mask is given.
  ///
  /// - Parameter stdinIsTaken: the input is read from there.
  func picture(stdinIsTaken: Bool, maximumPixels: Int) throws -> Image? {
    guard let mask, !isAlpha else { return nil }
    let source = Source(mask)
    do {
      guard source != .standardInput || !stdinIsTaken else {
        throw Failure(.usage, "the mask and the picture cannot both be standard input; name a file for one of them")
      }
      return try Image(
        decoding: Streams.picture(source, maximumPixels: maximumPixels), maximumPixels: maximumPixels)
    } catch let interrupted as Signals.Interrupted {
      throw interrupted
    } catch {
      let failure = Failure(error)
      throw Failure(failure.status, "mask \(source): \(failure.message ?? "")")
    }
  }

  /// The mask for `image`, `[1, 1, H, W]` of its size.
  func mask(_ picture: Image?, for image: Image) throws -> Mask {
    var result: Mask
    if let picture {
      result = Mask(picture)
      if (picture.width, picture.height) != (image.width, image.height) {
        let stretch = Double(picture.width * image.height) / Double(picture.height * image.width)
        guard (0.98...1.02).contains(stretch) else {
          throw Failure(
            .badData,
            "the mask is \(picture.width) x \(picture.height), the picture \(image.width) x \(image.height); "
              + "give a mask of the picture's shape")
        }
        result = Mask(result.tensor.resized(height: image.height, width: image.width, .area))
      }
    } else {
      guard let alpha = Mask(alphaOf: image) else {
        throw Failure(.badData, "has no alpha for --mask alpha; name a mask file")
      }
      result = alpha
    }
    if invertMask { result = result.inverted() }
    return result.grown(by: grow).feathered(by: feather)
  }
}
