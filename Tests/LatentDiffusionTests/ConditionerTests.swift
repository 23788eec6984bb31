import LatentDiffusion
import Synchronization
import Testing

@Suite struct ConditionerTests {
  /// A small random model of the kind, from `Tests/Reference/pipelines.py`.
  private func model(_ name: String) throws -> Model {
    try Model(Checkpoint(at: "\(PipelineCase.golden)/\(name)/model"))
  }

  private func picture(
    _ conditioners: [any Conditioner], prompt: String = "a red apple", on name: String = "text"
  ) throws -> (latents: Tensor, picture: Tensor) {
    let model = try model(name)
    var request = Request(size: Size(height: 32, width: 48))
    (request.prompt, request.promptStyle, request.steps) = (prompt, .a1111, 3)
    var noise = Noise(seed: 7)
    var conditioning = Conditioning()
    for conditioner in conditioners {
      try conditioning.combine(conditioner.condition(request, with: model, noise: &noise))
    }
    var settings = SampleSettings()
    settings.steps = 3
    let sampler = try Samplers.named("euler").make(model.scheduler)
    let shape = [1, model.latentChannels, 32 / model.latentFactor, 48 / model.latentFactor]
    let latents = try sample(model, conditioning, sampler, settings, shape: shape, noise: &noise)
    return (latents, try conditioning.compose.reduce(model.decode(latents)) { try $1($0) })
  }

  private func isSymmetric(_ x: Tensor) -> Bool {
    let (width, elements) = (x.shape[3], x.elements)
    return elements.indices.allSatisfy { elements[$0] == elements[$0 - $0 % width + width - 1 - $0 % width] }
  }

  /// Text and the fifth conditioner together, on a real network, through the one loop.
  @Test func aFifthConditionerRunsThroughTheOneLoop() throws {
    let (free, mirrored) = (try picture([TextToImage()]), try picture([TextToImage(), Symmetry()]))
    #expect(!isSymmetric(free.latents) && !isSymmetric(free.picture))
    #expect(isSymmetric(mirrored.latents) && isSymmetric(mirrored.picture))
    #expect(mirrored.picture.standardDeviation > 0.05)
    // The text still has its say.
    #expect(try picture([Symmetry()]).latents.distance(to: mirrored.latents) > 0.01)
  }

  /// Says what it wants said, whatever the prompt.
  struct Words: Conditioner {
    let positive, negative: String

    func condition(_: Request, with model: any ConditioningModel, noise _: inout Noise) throws -> Conditioning {
      var result = Conditioning()
      result.context = [TextCourse(try model.encode(text: positive))]
      result.negative = TextCourse(try model.encode(text: negative))
      return result
    }
  }

  @Test func aConditionersWordsReplaceThePrompts() throws {
    let engine = try Engine(modelAt: "\(PipelineCase.golden)/text/model", precision: .f32)
    func picture(_ prompt: String, _ negative: String, _ conditioners: [any Conditioner] = []) throws -> Tensor {
      var request = Request(size: Size(height: 32, width: 32))
      (request.prompt, request.negativePrompt) = (prompt, negative)
      var job = Job(.textToImage, request)
      (job.conditioners, job.sampling.steps) = (conditioners, 2)
      return try engine.run(job)
    }
    let house = try picture("a house", "a dog")
    #expect(try picture("a red apple", "", [Words(positive: "a house", negative: "a dog")]).elements == house.elements)
    #expect(try picture("a red apple", "").elements != house.elements)
    #expect(throws: ConditioningError.conflict(part: "context")) {
      try picture("", "", [Words(positive: "a house", negative: ""), Words(positive: "a dog", negative: "")])
    }
  }

  /// Values that would trap further in.
  @Test func whatIsOutOfRangeIsRefused() throws {
    struct Strong: Conditioner {
      func condition(_: Request, with _: any ConditioningModel, noise _: inout Noise) -> Conditioning {
        var result = Conditioning()
        result.start = Start(strength: 1e300)
        return result
      }
    }
    let engine = try Engine(modelAt: "\(PipelineCase.golden)/text/model", precision: .f32)
    var job = Job(.textToImage, Request(size: Size(height: 32, width: 32)))
    job.conditioners = [Strong()]
    #expect(throws: ConditioningError.range(what: "the start's strength", found: "1e+300", expected: "0 to 1")) {
      try engine.run(job)
    }
    job.conditioners = []
    job.request.strength = .nan
    #expect(throws: ConditioningError.range(what: "the strength", found: "nan", expected: "0 to 1")) {
      try engine.run(job)
    }
  }

  /// A prompt's marks have their say in the one loop.
  @Test(arguments: ["text", "sdxl"])
  func promptsThatChangeAndPromptsThatCompose(model: String) throws {
    func latents(_ prompt: String) throws -> Tensor {
      try picture([TextToImage()], prompt: prompt, on: model).latents
    }
    let (apple, house) = (try latents("a red apple"), try latents("a house"))
    #expect(try latents("[a red apple:a house:1.0]").elements == apple.elements)
    #expect(try latents("[a red apple:a house:0]").elements == house.elements)
    #expect(try latents("a red apple AND a red apple :0").distance(to: apple) < 1e-5)
    #expect(try latents("a red apple :0.5 AND a red apple :0.5").distance(to: apple) < 1e-5)
    let (half, both) = (try latents("[a red apple:a house:1]"), try latents("a red apple :0.5 AND a house :0.5"))
    let apart = apple.distance(to: house)
    #expect(apart > 1e-3)
    let distances = [half, both].flatMap { [$0.distance(to: apple), $0.distance(to: house)] }
    #expect(distances.allSatisfy { $0 > 1e-3 }, "\(distances) of \(apart)")
  }

  @Test(
    arguments: [
      ("a cat", .a1111, "photo of a cat"), ("emoji of a cat", .a1111, "emoji of a cat"), ("", .a1111, ""),
      ("[Emoji of a cat:a dog:3]", .a1111, "[Emoji of a cat:a dog:3]"),
      ("a cat AND emoji of a dog :0.00001", .a1111, "photo of a cat :1.000000 AND emoji of a dog :0.000010"),
      ("a cat AND a dog", .comfy, "photo of a cat AND a dog"), ("a cat+", .compel, "photo of a cat+"),
      ("(a, b).blend(1, 2)", .compel, "(a, b).blend(1, 2)"),
    ] as [(String, PromptStyle, String)])
  func promptsBeginAsCaptionsDo(text: String, style: PromptStyle, expected: String) {
    var defaults = ModelDefaults()
    defaults.promptPrefixes = ["photo of", "emoji of"]
    #expect(defaults.prefixed(Prompt(text, style: style), reworks: false) == expected)
  }

  final class Texts: Sendable {
    let all = Mutex<[String]>([])
  }

  @Test func eachDistinctTextIsEncodedOnce() throws {
    let texts = Texts()
    let model = PluginBorderTests.FakeModel { text in texts.all.withLock { $0.append(text) } }
    var request = Request(size: Size(height: 8, width: 8))
    request.promptStyle = .a1111
    (request.prompt, request.negativePrompt) = ("[a|b] AND c :2 AND [b:a:0.5]<lora:x:1>", "[c::2]")
    var noise = Noise(seed: 1)
    #expect(throws: ConditioningError.self) { _ = try TextToImage().condition(request, with: model, noise: &noise) }
    texts.all.withLock { $0 = [] }
    request.steps = 20
    let conditioning = try TextToImage().condition(request, with: model, noise: &noise)
    #expect(texts.all.withLock { $0 } == ["a", "b", "c", ""])
    #expect(conditioning.context.map(\.weight) == [1, 2, 1])
    #expect(conditioning.context.map { $0.order.count } == [20, 20, 20])
  }

  @Test func twoStartsAreAConflict() throws {
    var a = Conditioning()
    a.start = Start()
    let b = a
    #expect(throws: ConditioningError.conflict(part: "start")) { try a.combine(b) }
  }

  /// A hole of 2x2 pixels that misses every block's first pixel, as each mode of a mask sees it.
  @Test(arguments: [(MaskMode.hard, Float(1)), (.nearest, 0), (.soft, 4.0 / 16)])
  func aSmallHoleInAMask(mode: MaskMode, expected: Float) throws {
    let model = try model("inpaint")
    #expect(model.latentFactor == 4)
    var request = Request(size: Size(height: 16, width: 16))
    request.image = Tensor(repeating: 0.5, shape: [1, 3, 16, 16])
    request.maskMode = mode
    var mask = Tensor(zeros: [1, 1, 16, 16])
    for place in [5 * 16 + 9, 5 * 16 + 10, 6 * 16 + 9, 6 * 16 + 10] { mask[flat: place] = 1 }
    request.mask = mask
    var noise = Noise(seed: 1)
    let conditioning = try Inpainting().condition(request, with: model, noise: &noise)
    let latent = try #require(conditioning.concatenated).slice(axis: 1, 0..<1)
    #expect(latent.elements.enumerated().allSatisfy { $1 == ($0 == 4 + 2 ? expected : 0) })
  }

  /// The draw that nothing uses is the second posterior's: an autoencoder without one, TAESD, moves nothing.
  @Test(arguments: [(true, 3), (false, 1)])
  func inpaintingDrawsAsTheReferenceDoes(draws: Bool, count: Int) throws {
    let model = PluginBorderTests.FakeModel(inputChannels: 4, draws: draws)
    var request = Request(size: Size(height: 16, width: 16))
    (request.image, request.mask) = (Tensor(zeros: [1, 3, 16, 16]), Tensor(zeros: [1, 1, 16, 16]))
    var noise = Noise(seed: 1)
    _ = try Inpainting().condition(request, with: model, noise: &noise)
    #expect(noise.draws == count)
  }

  @Test func inpaintingNeedsAMaskOfThePicturesSize() throws {
    var request = Request(size: Size(height: 16, width: 16))
    request.image = Tensor(zeros: [1, 3, 16, 16])
    var noise = Noise(seed: 1)
    let model = try model("inpaint")
    #expect(throws: ConditioningError.missing(what: "a mask", by: "inpainting")) {
      _ = try Inpainting().condition(request, with: model, noise: &noise)
    }
    request.mask = Tensor(zeros: [1, 1, 8, 16])
    #expect(throws: ConditioningError.shape(what: "the mask", found: [1, 1, 8, 16], expected: [1, 1, 16, 16])) {
      _ = try Inpainting().condition(request, with: model, noise: &noise)
    }
  }
}
