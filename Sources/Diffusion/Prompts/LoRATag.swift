/// A LoRA that a prompt asks for, as AUTOMATIC1111 writes it: `<lora:NAME>`, `<lora:NAME:WEIGHT>`,
/// `<lora:NAME:TEXT:UNET>`, the weights also as `te=` and `unet=`; `lyco` is another word for `lora`.
public struct LoRATag: Sendable, Hashable {
  public var name: String
  /// Strength in the text encoders, and in the UNet; 1 where nothing is said.
  public var text = 1.0
  public var unet = 1.0

  public init(_ name: String, text: Double = 1, unet: Double = 1) {
    (self.name, self.text, self.unet) = (name, text, unet)
  }

  /// - Parameter content: what stands between `<lora:` and `>`.
  private init(content: Substring) throws(ConditioningError) {
    let fields = content.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    func number(_ text: some StringProtocol) throws(ConditioningError) -> Double {
      guard let value = Double(text.trimmed), value.isFinite else {
        throw .range(
          what: "the weight in <lora:\(content)>", found: "\"\(text)\"", expected: "a number, as in <lora:name:0.8>")
      }
      return value
    }
    var values: [String: Double] = [:]
    var places: [Double] = []
    for field in fields.dropFirst() {
      if let sign = field.firstIndex(of: "="), ["te", "unet"].contains(String(field[..<sign])) {
        values[String(field[..<sign])] = try number(field[field.index(after: sign)...])
      } else {
        places.append(try number(field))
      }
    }
    name = fields[0].trimmed
    guard !name.isEmpty, places.count <= 2 else {
      throw .range(what: "a LoRA in the prompt", found: "<lora:\(content)>", expected: "<lora:name:weight>")
    }
    text = values["te"] ?? places.first ?? 1
    unet = values["unet"] ?? (places.count > 1 ? places[1] : text)
  }

  /// The tags in `text`, in order; and the text without them.
  static func taken(from text: String) throws(ConditioningError) -> (tags: [LoRATag], rest: String) {
    var (tags, rest) = ([LoRATag](), text[...])
    var words = ""
    while let match = rest.firstMatch(of: #/<(lora|lyco|hypernet):([^>]*)>/#) {
      guard match.1 != "hypernet" else {
        throw .range(what: "the prompt's \(match.0)", found: "a hypernetwork, which is not read", expected: "a LoRA")
      }
      tags.append(try LoRATag(content: match.2))
      words += rest[..<match.range.lowerBound]
      rest = rest[match.range.upperBound...]
    }
    return (tags, words + rest)
  }

  /// The same of compel's calls, `withLora(name, 0.8)` and `useLora(name)`.
  static func called(in text: String) -> (tags: [LoRATag], rest: String) {
    let call = #/\b(?:with|use)Lora\(\s*([A-Za-z0-9_\-]+)\s*(?:,\s*(-?(?:[0-9]+\.?[0-9]*|\.[0-9]+))\s*)?\)/#
    let tags = text.matches(of: call).map { match in
      let weight = match.2.flatMap { Double($0.hasSuffix(".") ? $0.dropLast() : $0) } ?? 1
      return LoRATag(String(match.1), text: weight, unet: weight)
    }
    return (tags, text.replacing(call, with: ""))
  }
}

extension Prompt {
  /// The LoRAs that the text names, in order; none in styles that know no such tags.
  ///
  /// - Throws: `ConditioningError.range` for a tag that is ill-formed.
  public func loraTags() throws(ConditioningError) -> [LoRATag] { try split().tags }

  /// The words alone.
  ///
  /// - Throws: as `loraTags`.
  public func withoutTags() throws(ConditioningError) -> Prompt { with(try split().rest) }

  private func split() throws(ConditioningError) -> (tags: [LoRATag], rest: String) {
    switch style {
    case .a1111: try LoRATag.taken(from: text)
    case .compel: LoRATag.called(in: text)
    case .comfy, .plain: ([], text)
    }
  }
}
