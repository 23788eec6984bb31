import Testing

@Suite struct ApproximationOptionTests {
  @Test(arguments: [
    "--guidance-interval 5", "--guidance-interval 5:1", "--guidance-interval :0", "--guidance-interval a:2",
    "--guidance-interval=-1:3", "--guidance-interval 1:2:3", "--deep-cache 0", "--deep-cache 3 --steps 5",
    "--token-merge 0.8", "--token-merge nan",
  ])
  func whatMakesNoSenseIsRefusedInOneLine(options: String) throws {
    let ldm = try Binary()
    defer { ldm.remove() }
    let outcome = try ldm.shell("$ldm txt2img -q --seed 1 \(options) 'emoji of a cat' > out.png")
    #expect(outcome.status == 64)
    #expect(outcome.words.split(separator: "\n").count == 1)
  }

  @Test func theResultSaysWhatWasLeftOut() throws {
    let ldm = try Binary()
    defer { ldm.remove() }
    let outcome = try ldm.shell(
      """
      $ldm txt2img -q --seed 1 --steps 4 --size 64x64 'emoji of a cat' > exact.png
      $ldm txt2img -q --seed 1 --steps 4 --size 64x64 --guidance-interval 0.3: --deep-cache 2 --token-merge 0.5 \
        'emoji of a cat' > fast.png
      cmp -s exact.png fast.png && echo alike; $ldm info fast.png
      """)
    #expect(outcome.status == 0, "\(outcome.words)")
    let told = String(decoding: outcome.output, as: UTF8.self)
    #expect(!told.contains("alike"))
    for fact in ["Guidance interval: \"0.3:inf\"", "Deep cache: 2", "Token merging ratio: 0.5"] {
      #expect(told.contains(fact))
    }
  }
}
