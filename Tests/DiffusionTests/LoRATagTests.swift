import Diffusion
import Testing

@Suite struct LoRATagTests {
  @Test(
    arguments: [
      ("a cat", [], "a cat"),
      ("a <lora:ink:0.8> cat", [LoRATag("ink", text: 0.8, unet: 0.8)], "a  cat"),
      ("<lora:ink>", [LoRATag("ink")], ""),
      ("<lyco:a b:.5:-1>x", [LoRATag("a b", text: 0.5, unet: -1)], "x"),
      ("<lora:ink:te=0:unet=0.7>", [LoRATag("ink", text: 0, unet: 0.7)], ""),
      ("<lora:ink:unet=0.7:0.5>", [LoRATag("ink", text: 0.5, unet: 0.7)], ""),
      ("<lora:a: 1 >, <lora:b:2>", [LoRATag("a"), LoRATag("b", text: 2, unet: 2)], ", "),
      ("a <b:c> <lora", [], "a <b:c> <lora"),
    ] as [(String, [LoRATag], String)])
  func tagsAreTakenOut(text: String, tags: [LoRATag], rest: String) throws {
    let prompt = Prompt(text, style: .a1111)
    #expect(try prompt.loraTags() == tags)
    #expect(try prompt.withoutTags().text == rest)
  }

  @Test(arguments: ["<lora:>", "<lora:a:b>", "<lora:a:1:2:3>", "<lora:a:te=x>", "<lora:a:nan>", "<hypernet:a:1>"])
  func illFormedTagsAreErrors(text: String) {
    #expect(throws: ConditioningError.self) { try Prompt(text, style: .a1111).loraTags() }
  }

  @Test(arguments: PromptStyle.allCases.filter { ![.a1111, .compel].contains($0) })
  func otherStylesTakeThemForWords(style: PromptStyle) throws {
    let prompt = Prompt("a <lora:x:y>", style: style)
    #expect(try prompt.loraTags() == [] && prompt.withoutTags() == prompt)
  }
}
