import Foundation

/// An XMP packet, as text: what it says of a picture's origin is read and written; all else stays as it is.
struct XMPPacket {
  /// A step of `xmpMM:History` (XMP part 1, 8.6: ResourceEvent).
  struct Event: Equatable {
    /// "created", "edited", ...
    var action: String
    var software: String?
    var parameters: String?
  }

  static let digitalSources = "http://cv.iptc.org/newscodes/digitalsourcetype/"
  private static let empty = """
    <?xpacket begin="\u{feff}" id="W5M0MpCehiHzreSzNTczkc9d"?>
    <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    </rdf:RDF></x:xmpmeta>
    <?xpacket end="w"?>
    """

  private(set) var text: String

  /// A text that is no packet is replaced by an empty one.
  init(_ text: String?) { self.text = text.flatMap { $0.contains("</rdf:RDF>") ? $0 : nil } ?? Self.empty }

  /// The address in `Iptc4xmpExt:DigitalSourceType`.
  var digitalSource: String? {
    get {
      guard let start = text.range(of: Self.digitalSources) else { return nil }
      return Self.digitalSources + text[start.upperBound...].prefix { $0.isLetter }
    }
    set {
      guard let newValue else { return }
      guard let start = text.range(of: Self.digitalSources) else { return set("DigitalSourceType", to: newValue) }
      let end = text[start.upperBound...].firstIndex { !$0.isLetter } ?? text.endIndex
      text.replaceSubrange(start.lowerBound..<end, with: newValue)
    }
  }

  /// `tiff:Orientation`, as EXIF's; nil where it is not said.
  var orientation: Int? {
    get { value(of: "tiff:Orientation").flatMap { Int(text[$0].filter { !$0.isWhitespace }) } }
    set {
      guard let newValue, let place = value(of: "tiff:Orientation") else { return }
      text.replaceSubrange(place, with: "\(newValue)")
    }
  }

  /// A property of IPTC's extension schema, as an attribute or an element of simple text.
  mutating func set(_ name: String, to value: String) {
    let escaped = Self.escaped(value)
    if let place = self.value(of: "Iptc4xmpExt:\(name)") {
      text.replaceSubrange(place, with: escaped)
    } else {
      add(
        """
        <rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" \
        Iptc4xmpExt:\(name)="\(escaped)"/>
        """)
    }
  }

  /// The history, the first step first.
  var events: [Event] {
    guard let history = element("xmpMM:History", in: text.startIndex..<text.endIndex) else { return [] }
    var result: [Event] = []
    var place = history.lowerBound
    while let start = text.range(of: "<rdf:li", range: place..<history.upperBound) {
      let next =
        text.range(of: "<rdf:li", range: start.upperBound..<history.upperBound)?.lowerBound ?? history.upperBound
      let item = start.lowerBound..<next
      func value(_ name: String) -> String? {
        (attribute("stEvt:\(name)", in: item) ?? element("stEvt:\(name)", in: item)).map { Self.unescaped(text[$0]) }
      }
      if let action = value("action") {
        result.append(Event(action: action, software: value("softwareAgent"), parameters: value("parameters")))
      }
      place = next
    }
    return result
  }

  mutating func append(_ event: Event) {
    var fields = [("action", event.action)]
    if let software = event.software { fields.append(("softwareAgent", software)) }
    if let parameters = event.parameters { fields.append(("parameters", parameters)) }
    let values = fields.map { "stEvt:\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: " ")
    let space = "xmlns:stEvt=\"http://ns.adobe.com/xap/1.0/sType/ResourceEvent#\""
    if let history = element("xmpMM:History", in: text.startIndex..<text.endIndex),
      let end = text.range(of: "</rdf:Seq>", range: history)
    {
      let before = text[..<history.lowerBound]
      let around = before[
        (before.range(of: "<rdf:Description", options: .backwards)?.lowerBound ?? before.startIndex)...]
      let own = around.contains("xmlns:stEvt=") ? "" : space + " "
      text.insert(contentsOf: "<rdf:li \(own)\(values)/>", at: end.lowerBound)
    } else {
      // Declared around the items: ImageMagick 6 warns of a fourth attribute.
      add(
        """
        <rdf:Description rdf:about="" xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" \(space)>\
        <xmpMM:History><rdf:Seq><rdf:li \(values)/></rdf:Seq></xmpMM:History></rdf:Description>
        """)
    }
  }

  private mutating func add(_ description: String) {
    // What was replaced may have held the only one.
    if text.range(of: "</rdf:RDF>") == nil { text = Self.empty }
    let end = text.range(of: "</rdf:RDF>", options: .backwards)!
    text.insert(contentsOf: description + "\n", at: end.lowerBound)
  }

  /// Where the value of a property of the picture stands.
  private func value(of name: String) -> Range<String.Index>? {
    attribute(name, in: text.startIndex..<text.endIndex) ?? element(name, in: text.startIndex..<text.endIndex)
  }

  /// Where the value of an attribute stands, without its quotes.
  private func attribute(_ name: String, in range: Range<String.Index>) -> Range<String.Index>? {
    guard let start = text.range(of: name + "=", range: range), start.upperBound < range.upperBound else { return nil }
    let quote = text[start.upperBound]
    guard quote == "\"" || quote == "'" else { return nil }
    let first = text.index(after: start.upperBound)
    return text[first..<range.upperBound].firstIndex(of: quote).map { first..<$0 }
  }

  /// Where the contents of an element stand.
  private func element(_ name: String, in range: Range<String.Index>) -> Range<String.Index>? {
    guard let start = text.range(of: "<\(name)", range: range),
      let open = text.range(of: ">", range: start.upperBound..<range.upperBound),
      let close = text.range(of: "</\(name)>", range: open.upperBound..<range.upperBound)
    else { return nil }
    return open.upperBound..<close.lowerBound
  }

  /// As an attribute's value: line ends too, which a reader would turn into spaces. What XML cannot hold is left out.
  private static func escaped(_ value: String) -> String {
    value.unicodeScalars.reduce(into: "") { text, scalar in
      switch scalar {
      case "&": text += "&amp;"
      case "<": text += "&lt;"
      case ">": text += "&gt;"
      case "\"": text += "&quot;"
      case "\n": text += "&#xA;"
      case "\t": text += "&#x9;"
      case _ where scalar.value < 0x20 || scalar.value == 0xfffe || scalar.value == 0xffff: break
      default: text.unicodeScalars.append(scalar)
      }
    }
  }

  private static func unescaped(_ text: Substring) -> String {
    // The ampersand last, so that "&amp;lt;" becomes "&lt;".
    [
      ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#xA;", "\n"), ("&#10;", "\n"),
      ("&#x9;", "\t"),
      ("&amp;", "&"),
    ].reduce(String(text)) { $0.replacing($1.0, with: $1.1) }
  }
}
