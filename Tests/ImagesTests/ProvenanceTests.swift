import Foundation
import Images
import Testing

@Suite struct ProvenanceTests {
  private func made(_ prompt: String, task: String, finished: String? = nil) -> Provenance {
    Provenance(
      prompt: prompt, settings: [("Steps", "20"), ("Model", "a, b: c"), ("Task", task)], source: .trained,
      software: "ldm 1", model: "m", finished: finished)
  }

  @Test func theHistoryGrowsByAStep() {
    var metadata = ImageMetadata()
    let prompts = ["a \"red\" <apple> & more", "two\nlines\t\\", ""]
    for prompt in prompts { metadata = made(prompt, task: "img2img").written(into: metadata) }
    let history = Provenance.history(in: metadata)
    #expect(history == prompts.map { "ldm 1: " + made($0, task: "img2img").step })
    #expect(Provenance.source(in: metadata) == "trainedAlgorithmicMedia")
  }

  @Test func whatAnotherToolLeftIsTheFirstStep() {
    var metadata = ImageMetadata()
    metadata.text["parameters"] = "cat\nSteps: 5, Sampler: Euler a"
    let history = Provenance.history(in: made("dog", task: "img2img").written(into: metadata))
    #expect(history.count == 2 && history[0] == "created: cat\nSteps: 5, Sampler: Euler a")
  }

  /// The end of the packet is in the value that is replaced.
  @Test func aPacketWithoutAnEndIsBegunAnew() throws {
    var metadata = ImageMetadata()
    metadata.xmp = Array("<x Iptc4xmpExt:AISystemUsed=\"</rdf:RDF>\"/>".utf8)
    let history = Provenance.history(in: made("dog", task: "img2img").written(into: metadata))
    #expect(history.count == 1)
  }

  @Test func enlargingKeepsTheRecipe() {
    let text = made("", task: "upscale", finished: "cat\nSteps: 5, Seed: 7").parameters
    #expect(text == "cat\nSteps: 5, Seed: 7, upscale Steps: 20, upscale Model: \"a, b: c\"")
  }

  /// Values are quoted as A1111 reads them back.
  @Test func valuesWithCommasAreQuoted() {
    #expect(made("x", task: "txt2img").parameters == "x\nSteps: 20, Model: \"a, b: c\", Task: txt2img")
  }

  /// What a photograph's own XMP says stays, in either way of writing it.
  @Test(arguments: [
    """
    <x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    <rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="image/jpeg">
    <xmpMM:History><rdf:Seq><rdf:li rdf:parseType="Resource"><stEvt:action>saved</stEvt:action>
    <stEvt:softwareAgent>Raw &amp; Co</stEvt:softwareAgent></rdf:li></rdf:Seq></xmpMM:History>
    <Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture</Iptc4xmpExt:DigitalSourceType>
    </rdf:Description></rdf:RDF></x:xmpmeta>
    """
  ])
  func foreignPacketsAreContinued(xmp: String) throws {
    var metadata = ImageMetadata()
    metadata.xmp = Array(xmp.utf8)
    #expect(Provenance.source(in: metadata) == "digitalCapture")
    let result = made("x", task: "inpaint").written(into: metadata)
    #expect(Provenance.source(in: result) == "trainedAlgorithmicMedia")
    #expect(Provenance.history(in: result) == ["Raw & Co", "ldm 1: " + made("x", task: "inpaint").step])
    #expect(String(decoding: try #require(result.xmp), as: UTF8.self).contains("dc:format=\"image/jpeg\""))
  }

  /// What would not fit into a segment of a JPEG gives way; the statement of origin does not.
  @Test func aHugePacketDoesNotCrowdTheSourceOut() {
    var metadata = ImageMetadata()
    metadata.xmp = Array(
      ("<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF>" + String(repeating: "<a/>", count: 20_000)
        + "</rdf:RDF></x:xmpmeta>").utf8)
    let result = made("x", task: "upscale").written(into: metadata, for: .jpeg)
    #expect((result.xmp?.count ?? .max) < 65504)
    #expect(Provenance.source(in: result) == "trainedAlgorithmicMedia")
  }

  @Test func damagedPacketsAreReplaced() {
    for text in [
      "", "<x:xmpmeta", "</rdf:RDF>", "<xmpMM:History><rdf:li stEvt:action=\"",
      "http://cv.iptc.org/newscodes/digitalsourcetype/",
    ] {
      var metadata = ImageMetadata()
      metadata.xmp = Array(text.utf8)
      let result = made("x", task: "img2img").written(into: metadata)
      #expect(Provenance.history(in: result).count == 1, "\(text)")
    }
  }
}
