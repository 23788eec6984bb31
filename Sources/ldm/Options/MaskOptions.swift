import ArgumentParser
import Foundation
import LatentDiffusion

struct MaskOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Where to repaint: a picture, white repaints; or alpha: where the input is transparent. Several are joined by +, as \
      in alpha+mask.png.
      """, valueName: "file|alpha"),
    completion: .file())
  var mask: String?

  @Option(
    help: ArgumentHelp(
      "Repaints where the input has a colour, to 16 levels of 255, or to ~N levels: color:#ff00ff, color:#ff00ff~4.",
      valueName: "color:#rrggbb"))
  var maskFrom: String?

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

  @Flag(
    inversion: .prefixedNo,
    help: "Whether what is painted is shifted in colour to continue the picture at its edge. Default: the model's.")
  var matchBorder: Bool?

  @Flag(
    inversion: .prefixedNo,
    help: "Whether what is painted gets its texture from the picture around it; at strength 1. Default: the model's.")
  var matchTexture: Bool?

  func validate() throws {
    guard parts.allSatisfy({ !$0.isEmpty }) else { throw ValidationError("--mask names no file") }
    guard parts.filter({ $0 == "-" }).count < 2 else { throw ValidationError("--mask: stdin can be read only once") }
    guard !readsStandardInput || isatty(STDIN_FILENO) == 0 else {
      throw ValidationError("--mask - reads stdin, which is a terminal; name a file, or send a mask there")
    }
    if let maskFrom { _ = try MaskColor(maskFrom) }
    guard (0...4096).contains(grow) else { throw ValidationError("--grow must be from 0 to 4096") }
    guard (0...4096).contains(feather) else { throw ValidationError("--feather must be from 0 to 4096") }
    if let maskMode { _ = try choice(maskMode, "--mask-mode", MaskMode.allCases.map(\.rawValue)) }
  }

  var mode: MaskMode { maskMode.flatMap(MaskMode.init) ?? (feather > 0 ? .soft : .hard) }

  /// Whether anything says where to repaint.
  var isGiven: Bool { mask != nil || maskFrom != nil }

  var readsStandardInput: Bool { parts.contains("-") }

  /// What stands between the plus signs; a file whose own name holds them is one part.
  private var parts: [String] {
    guard let mask, mask.contains("+"), FileName(mask).status == nil else { return mask.map { [$0] } ?? [] }
    return mask.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
  }

  /// The masks' own pictures.
  ///
  /// - Parameter stdinIsTaken: the input is read from there.
  func pictures(stdinIsTaken: Bool, maximumPixels: Int) throws -> [Image] {
    try parts.filter { $0 != "alpha" }.map { part in
      let source = Source(part)
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
  }

  /// The mask for `image`, `[1, 1, H, W]` of its size: all that repaint, together.
  func mask(_ pictures: [Image], for image: Image) throws -> Mask {
    var masks = try pictures.map { try Self.fitted($0, to: image) }
    if parts.contains("alpha") {
      guard let alpha = Mask(alphaOf: image) else {
        throw Failure(.badData, "has no alpha for --mask alpha; name a mask file")
      }
      masks.append(alpha)
    }
    if let color = try maskFrom.map(MaskColor.init) { masks.append(color.mask(of: image)) }
    var result = masks.dropFirst().reduce(masks[0]) { $0.united(with: $1) }
    if invertMask { result = result.inverted() }
    return result.grown(by: grow).feathered(by: feather)
  }

  private static func fitted(_ picture: Image, to image: Image) throws -> Mask {
    let mask = Mask(picture)
    guard (picture.width, picture.height) != (image.width, image.height) else { return mask }
    let stretch = Double(picture.width * image.height) / Double(picture.height * image.width)
    guard (0.98...1.02).contains(stretch) else {
      throw Failure(
        .badData,
        "the mask is \(picture.width) x \(picture.height), the picture \(image.width) x \(image.height); "
          + "give a mask of the picture's shape")
    }
    return Mask(mask.tensor.resized(height: image.height, width: image.width, .area))
  }
}

/// "color:#ff00ff", or "color:#ff00ff~4" with a tolerance of its own.
private struct MaskColor {
  private let value: UInt32
  private let tolerance: Int

  init(_ text: String) throws {
    let match = text.wholeMatch(of: /color:#([0-9a-fA-F]{6})(?:~([0-9]{1,3}))?/)
    guard let match, let value = UInt32(match.1, radix: 16), let tolerance = match.2.map({ Int($0) }) ?? 16 else {
      throw ValidationError("--mask-from \(text) is not a colour; write it as color:#ff00ff")
    }
    (self.value, self.tolerance) = (value, tolerance)
  }

  func mask(of image: Image) -> Mask {
    func byte(_ shift: UInt32) -> UInt8 { UInt8(value >> shift & 255) }
    return Mask(color: (byte(16), byte(8), byte(0)), tolerance: tolerance, of: image)
  }
}
