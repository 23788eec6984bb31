import LatentDiffusion

extension ImageFormat {
  var holdsSixteenBits: Bool { self == .png || self == .pnm }
}

extension EncodingOptions {
  /// Why a format cannot be written so; nil: it can.
  func objection(to format: ImageFormat) -> String? {
    if depth == 16, !format.holdsSixteenBits { return "--depth 16 needs PNG or PNM" }
    return lossless && format == .jpeg ? "--lossless needs WebP, PNG or PNM" : nil
  }
}

/// One result to be: where it goes, as what, and from which seed.
struct Piece: Sendable {
  let target: Destinations.Target
  let format: ImageFormat
  let seed: UInt64
}

/// Which results each input is to have: one for each seed, short of those that are left out.
struct Allotment: Sendable {
  let destinations: Destinations
  let seed: UInt64
  let count: Int
  /// The format that the options name.
  let format: ImageFormat?
  let encoding: EncodingOptions

  /// - Parameters:
  ///   - name: of the input, as its file is called; "photo.jpeg" stays "photo.jpeg".
  ///   - source: nil where the input is a prompt.
  ///   - format: of the input.
  ///   - firstSeed: the input's first seed; nil: that of all.
  /// - Throws: `Failure` for what can be known to fail before any work is done.
  func pieces(for name: FileName, source: Source?, label: String, format input: ImageFormat?, firstSeed: UInt64? = nil)
    throws -> [Piece]
  {
    let format = format ?? input ?? .png
    if let objection = encoding.objection(to: format) {
      throw Failure(
        .usage, "\(objection), and the result is to be \(format.rawValue), as the input is; say --format png")
    }
    let own = name.suffix.flatMap { ImageFormat(suffix: $0) == format ? $0 : nil }
    return try (0..<count).compactMap { index in
      let seed = (firstSeed ?? self.seed) &+ UInt64(index)
      let target = destinations.target(name: name, seed: seed, fileSuffix: own ?? format.fileSuffix)
      return try destinations.claim(target, for: label, source: source)
        ? Piece(target: target, format: format, seed: seed) : nil
    }
  }
}
