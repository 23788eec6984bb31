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
  /// What names of results end in that are no pictures.
  var suffix: String?

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
      let target = destinations.target(name: name, seed: seed, fileSuffix: suffix ?? own ?? format.fileSuffix)
      return try destinations.claim(target, for: label, source: source)
        ? Piece(target: target, format: format, seed: seed) : nil
    }
  }

  /// Why an input may not hold several pictures, the first of which is to become `pieces`; nil: it may.
  func objection(toSeveralOf source: Source, _ pieces: [Piece]) -> Failure? {
    if pieces.contains(where: { $0.target.isFile(of: source) }) {
      return Failure(
        .cannotCreate, "holds several pictures, and the result of one would replace all; use another name, or -d")
    }
    // Pictures follow one another on a stream, other results cannot.
    guard suffix != nil, !destinations.holdsSeveral else { return nil }
    return Failure(.badData, "holds several pictures; use -d DIR, or -o with {n} in the name")
  }
}
