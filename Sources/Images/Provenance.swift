import Foundation

/// How a picture was made, in the forms that other tools read: A1111's `parameters` text (PNG text, EXIF UserComment) and
/// XMP's `Iptc4xmpExt:DigitalSourceType`.
public struct Provenance: Sendable, Equatable {
  /// IPTC's digital source types, cv.iptc.org/newscodes/digitalsourcetype.
  public enum DigitalSource: String, Sendable {
    case trained = "trainedAlgorithmicMedia"
    /// A picture that someone made and a model changed.
    case composite = "compositeWithTrainedAlgorithmicMedia"

    var address: String { "http://cv.iptc.org/newscodes/digitalsourcetype/\(rawValue)" }
  }

  public var prompt: String
  public var negativePrompt: String
  /// "Steps", "Sampler", "CFG scale", "Seed", "Size", "Model", ... in the order they are written.
  public var settings: [(name: String, value: String)]
  public var source: DigitalSource

  public init(prompt: String, negativePrompt: String, settings: [(name: String, value: String)], source: DigitalSource)
  {
    (self.prompt, self.negativePrompt, self.settings, self.source) = (prompt, negativePrompt, settings, source)
  }

  public static func == (a: Provenance, b: Provenance) -> Bool { a.parameters == b.parameters && a.source == b.source }

  /// PROMPT, "Negative prompt: …", "Steps: 20, Sampler: …" on lines of their own.
  public var parameters: String {
    var lines = [prompt]
    if !negativePrompt.isEmpty { lines.append("Negative prompt: \(negativePrompt)") }
    lines.append(settings.map { "\($0.name): \($0.value)" }.joined(separator: ", "))
    return lines.filter { !$0.isEmpty }.joined(separator: "\n")
  }

  /// `metadata` with this in it; what else it says is kept.
  public func written(into metadata: ImageMetadata) -> ImageMetadata {
    var result = metadata
    result.text["parameters"] = parameters
    var exif = metadata.exif.flatMap(Exif.init) ?? Exif()
    exif.userComment = parameters
    result.exif = exif.encoded()
    result.xmp = Array(Self.packet(metadata.xmp.map { String(decoding: $0, as: UTF8.self) }, source).utf8)
    return result
  }

  /// The `parameters` text of a picture, from wherever it stands.
  public static func parameters(in metadata: ImageMetadata) -> String? {
    metadata.text["parameters"] ?? metadata.exif.flatMap(Exif.init)?.userComment
  }

  /// The digital source type that a picture's XMP names, without its address.
  public static func source(in metadata: ImageMetadata) -> String? {
    guard let xmp = metadata.xmp.map({ String(decoding: $0, as: UTF8.self) }),
      let start = xmp.range(of: "cv.iptc.org/newscodes/digitalsourcetype/")
    else { return nil }
    return String(xmp[start.upperBound...].prefix { $0.isLetter })
  }

  /// An XMP packet that names `source`: the given one with its value replaced or a description added, else a new one.
  private static func packet(_ existing: String?, _ source: DigitalSource) -> String {
    let address = "cv.iptc.org/newscodes/digitalsourcetype/"
    if let existing, let start = existing.range(of: address) {
      let rest = existing[start.upperBound...].drop { $0.isLetter }
      return existing[..<start.upperBound] + source.rawValue + rest
    }
    let description = """
      <rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" \
      Iptc4xmpExt:DigitalSourceType="\(source.address)"/>
      """
    if let existing, let end = existing.range(of: "</rdf:RDF>", options: .backwards) {
      return existing[..<end.lowerBound] + description + existing[end.lowerBound...]
    }
    return """
      <?xpacket begin="\u{feff}" id="W5M0MpCehiHzreSzNTczkc9d"?>
      <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
      \(description)
      </rdf:RDF></x:xmpmeta>
      <?xpacket end="w"?>
      """
  }
}
