import Foundation

/// How a picture was made, in the forms that other tools read: A1111's `parameters` text (PNG text, EXIF UserComment), and
/// in XMP the digital source type, IPTC's fields on AI and the history of the steps that led to it.
public struct Provenance: Sendable, Equatable {
  /// IPTC's digital source types, cv.iptc.org/newscodes/digitalsourcetype; C2PA's actions name the same.
  public enum DigitalSource: String, Sendable {
    case trained = "trainedAlgorithmicMedia"
    /// A picture that someone made and a model changed.
    case composite = "compositeWithTrainedAlgorithmicMedia"

    var address: String { XMPPacket.digitalSources + rawValue }
  }

  public var prompt: String
  public var negativePrompt: String
  /// "Steps", "Sampler", "CFG scale", "Seed", "Size", "Model", ... in the order they are written.
  public var settings: [(name: String, value: String)]
  public var source: DigitalSource
  /// The program and its version, as "ldm 0.1.0".
  public var software: String
  public var model: String
  /// The `parameters` text that the step before left, where this step only finishes its picture, as enlarging does: the
  /// recipe of the picture stays, and what this step did is added to it.
  public var finished: String?

  public init(
    prompt: String, negativePrompt: String = "", settings: [(name: String, value: String)], source: DigitalSource,
    software: String, model: String, finished: String? = nil
  ) {
    (self.prompt, self.negativePrompt, self.settings) = (prompt, negativePrompt, settings)
    (self.source, self.software, self.model, self.finished) = (source, software, model, finished)
  }

  public static func == (a: Provenance, b: Provenance) -> Bool {
    a.parameters == b.parameters && a.source == b.source && a.software == b.software
  }

  /// PROMPT, "Negative prompt: …", "Steps: 20, Sampler: …" on lines of their own: of this step alone.
  public var step: String {
    var lines = [prompt]
    if !negativePrompt.isEmpty { lines.append("Negative prompt: \(negativePrompt)") }
    lines.append(settings.map { "\($0.name): \(Self.quoted($0.value))" }.joined(separator: ", "))
    return lines.filter { !$0.isEmpty }.joined(separator: "\n")
  }

  /// The whole recipe. Settings of a finishing step bear the step's task in front of their names, as "upscale Steps".
  public var parameters: String {
    guard let finished else { return step }
    let task = settings.first { $0.name == "Task" }?.value ?? "Postprocess"
    let added = settings.filter { $0.name != "Task" && $0.name != "Version" }
      .map { "\(task) \($0.name): \(Self.quoted($0.value))" }
    return finished + ", " + added.joined(separator: ", ")
  }

  /// A1111 quotes values that hold what would end them.
  private static func quoted(_ value: String) -> String {
    guard value.contains(where: { ",:\n".contains($0) }) else { return value }
    let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    return "\"\(escaped)\""
  }

  /// `metadata` with this in it; what else it says is kept.
  ///
  /// - Parameter format: where it is to be written. A JPEG segment has room for 65,504 bytes of XMP: a packet that is
  ///   larger gives way to one that holds this alone.
  public func written(into metadata: ImageMetadata, for format: ImageFormat = .png) -> ImageMetadata {
    var result = metadata
    result.text["parameters"] = parameters
    var exif = metadata.exif.flatMap(Exif.init) ?? Exif()
    exif.userComment = parameters
    result.exif = exif.encoded()
    let old = metadata.xmp.map { String(decoding: $0, as: UTF8.self) }
    let steps = XMPPacket(old).events
    // What another tool left is the first step, even if it kept no history.
    let before =
      steps.isEmpty ? Self.parameters(in: metadata).map { [XMPPacket.Event(action: "created", parameters: $0)] } : []
    result.xmp = packet(old, adding: before ?? [])
    if format == .jpeg, result.xmp!.count > 65504 { result.xmp = packet(nil, adding: before ?? []) }
    if format == .jpeg, result.xmp!.count > 65504 { result.xmp = packet(nil, adding: []) }
    return result
  }

  private func packet(_ old: String?, adding events: [XMPPacket.Event]) -> [UInt8] {
    var packet = XMPPacket(old)
    packet.digitalSource = source.address
    packet.set("AISystemUsed", to: model)
    packet.set("AISystemVersionUsed", to: software)
    if !prompt.isEmpty { packet.set("AIPromptInformation", to: prompt) }
    let action = settings.first { $0.name == "Task" }?.value == "txt2img" ? "created" : "edited"
    for event in events + [XMPPacket.Event(action: action, software: software, parameters: step)] {
      packet.append(event)
    }
    return Array(packet.text.utf8)
  }

  /// The `parameters` text of a picture, from wherever it stands.
  public static func parameters(in metadata: ImageMetadata) -> String? {
    metadata.text["parameters"] ?? metadata.exif.flatMap(Exif.init)?.userComment
  }

  /// The digital source type that a picture's XMP names, without its address.
  public static func source(in metadata: ImageMetadata) -> String? {
    let packet = XMPPacket(metadata.xmp.map { String(decoding: $0, as: UTF8.self) })
    return packet.digitalSource.map { String($0.dropFirst(XMPPacket.digitalSources.count)) }
  }

  /// The steps that led to a picture, the first one first, each as "software: parameters".
  public static func history(in metadata: ImageMetadata) -> [String] {
    XMPPacket(metadata.xmp.map { String(decoding: $0, as: UTF8.self) }).events.map { event in
      [event.software ?? event.action, event.parameters].compactMap { $0 }.joined(separator: ": ")
    }
  }
}
