import LDMPlugin
import LatentDiffusion
import Testing

/// A Swift conditioner behind the C border is the conditioner itself.
@Suite struct PluginBorderTests {
  /// Sets every part, draws, asks the model for all it can.
  struct Everything: Conditioner {
    var gain: Float = 1

    func prepare(_ request: Request, for model: any ConditioningModel) throws -> Request {
      var result = request
      result.size = Size(height: request.size.height + 8, width: request.size.width + 16)
      result.image = request.image!.framedByReflection(top: 8, left: 16, bottom: 0, right: 0)
      result.strength = 0.25
      return result
    }

    func condition(
      _ request: Request, with model: any ConditioningModel, noise: inout Noise
    ) throws -> Conditioning {
      let latents = try model.encode(request.image!, .sample, noise: &noise)
      let start = noise(latents.shape)
      var result = Conditioning()
      result.start = Start(latents: latents * gain, noise: start, strength: request.strength)
      result.context = [TextCourse(try model.encode(text: request.prompt))]
      result.negative = TextCourse(try model.encode(text: request.negativePrompt))
      result.concatenated = noise([1, 2, latents.shape[2], latents.shape[3]])
      result.label = .index(7)
      result.constrain = [{ x, step in x + step.noised(latents, with: start) * Float(step.done + 1) - step.x0 }]
      // What is known of the model outlives the call.
      result.compose = [{ $0.cropped(top: 1, left: 2, height: 3, width: model.latentFactor / 2) }]
      return result
    }
  }

  struct FakeModel: ConditioningModel {
    let name = "fake"
    var inputChannels = 6
    var labels: Int? = 8
    /// Whether its posterior is more than a mean.
    var draws = true
    let latentChannels = 4
    let latentFactor = 8
    let defaultNoiseLevel = 0
    let lowResolutionSchedule: NoiseSchedule? = nil
    let maximumNoiseLevel: Int? = nil
    let readsText = true
    /// Called with each text.
    var encodes: @Sendable (String) -> Void = { _ in }

    func encode(text: String) -> TextEncoding {
      encodes(text)
      return TextEncoding(tokens: Tensor(repeating: Float(text.utf8.count), shape: [1, 3, 5]))
    }
    func encode(_ picture: Tensor, _ encoding: Encoding, noise: inout Noise) -> Tensor {
      let shape = [1, 4, picture.shape[2] / 8, picture.shape[3] / 8]
      return encoding == .sample && draws ? noise(shape) + picture[flat: 0] : Tensor(zeros: shape)
    }
  }

  static let table = Table(
    pointer: pluginTable(name: "everything", summary: "", options: ["gain=X"]) {
      Everything(gain: Float(try $0.number("gain", 0...10) ?? 1))
    })
  struct Table: @unchecked Sendable { let pointer: UnsafeRawPointer }

  var request: Request {
    var request = Request(size: Size(height: 16, width: 24))
    request.image = Noise(seed: 3).drawn([1, 3, 16, 24])
    (request.prompt, request.negativePrompt) = ("a cat", "a dog, \u{e9}")
    return request
  }

  @Test func aConditionerBehindTheBorderIsItself() throws {
    let plain = Everything(gain: 2)
    let across = try PluginConditioner(
      Plugin(table: Self.table.pointer, path: "test"), options: [(name: "gain", value: "2")])
    let wanted = try plain.prepare(request, for: FakeModel())
    let prepared = try across.prepare(request, for: FakeModel())
    #expect(prepared.size == wanted.size && prepared.strength == wanted.strength && prepared.prompt == wanted.prompt)
    #expect(prepared.image?.elements == wanted.image?.elements)

    var (ours, theirs) = (Noise(seed: 9), Noise(seed: 9))
    let expected = try plain.condition(wanted, with: FakeModel(), noise: &ours)
    let found = try across.condition(prepared, with: FakeModel(), noise: &theirs)
    #expect(found.start?.latents?.elements == expected.start?.latents?.elements)
    #expect(found.start?.noise?.elements == expected.start?.noise?.elements)
    #expect(found.start?.strength == 0.25 && found.label == .index(7))
    #expect(found.context[0].constant?.tokens.elements == expected.context[0].constant?.tokens.elements)
    #expect(found.context[0].constant?.tokens.shape == [1, 3, 5])
    #expect(found.negative?.constant?.tokens.elements == expected.negative?.constant?.tokens.elements)
    #expect(found.concatenated?.elements == expected.concatenated?.elements)
    #expect(ours([4]).elements == theirs([4]).elements, "the stream of numbers moved on as far")

    let plan = Plan(nodes: [0.8, 0.5, 0.2].map { .init(timestep: 1000 * $0, level: .init(sigma: $0), next: .clean) })
    for index in 0..<3 {
      let (x, output) = (Noise(seed: 1).drawn([1, 4, 3, 5]), Noise(seed: 2).drawn([1, 4, 3, 5]))
      let step = Step(
        plan: plan, index: index,
        current: Estimate(x: x, output: output, level: plan.nodes[index].level, prediction: .epsilon), past: [])
      #expect(try found.constrain[0](x, step).elements == expected.constrain[0](x, step).elements)
    }
    let picture = Noise(seed: 4).drawn([1, 3, 8, 8])
    #expect(try found.compose[0](picture).elements == expected.compose[0](picture).elements)
  }

  @Test func optionsAreCheckedOnBothSides() throws {
    let plugin = try Plugin(table: Self.table.pointer, path: "test")
    #expect(throws: PluginError.option("gian", plugin: "everything", known: ["gain=X"])) {
      try PluginConditioner(plugin, options: [(name: "gian", value: "2")])
    }
    let loud = try PluginConditioner(plugin, options: [(name: "gain", value: "11")])
    #expect(throws: PluginError.failed(plugin: "everything", call: "prepare", why: "gain=11 is not 0.0 to 10.0")) {
      try loud.prepare(request, for: FakeModel())
    }
  }

  /// Does what does not cross.
  struct Stubborn: Conditioner {
    let asks: Bool

    func prepare(_ request: Request, for model: any ConditioningModel) -> Request {
      var result = request
      if !asks { result.maskMode = .soft }
      return result
    }

    func condition(_: Request, with model: any ConditioningModel, noise _: inout Noise) -> Conditioning {
      var result = Conditioning()
      result.compose = [{ picture in picture + (try model.encode(text: "late")).tokens[flat: 0] }]
      return result
    }
  }

  @Test(arguments: [
    (false, "prepare", "what prepare changed is how the mask is read"),
    (true, "compose", "a closure needs its model while prepare or condition runs, not later"),
  ])
  func whatDoesNotCrossIsTold(asks: Bool, call: String, why: String) throws {
    let table = Table(pointer: pluginTable(name: "stubborn", summary: "") { _ in Stubborn(asks: asks) })
    let across = try PluginConditioner(Plugin(table: table.pointer, path: "test"))
    let error = #expect(throws: PluginError.self) {
      var noise = Noise(seed: 1)
      let prepared = try across.prepare(request, for: FakeModel())
      _ = try across.condition(prepared, with: FakeModel(), noise: &noise).compose[0](Tensor(zeros: [1, 3, 8, 8]))
    }
    guard case .failed("stubborn", call, let found) = try #require(error) else {
      Issue.record("\(error!)")
      return
    }
    #expect(found.hasPrefix(why), "\(found)")
  }

  @Test func aLabelIsARowOfTheTable() throws {
    let across = try PluginConditioner(Plugin(table: Self.table.pointer, path: "test"))
    var noise = Noise(seed: 1)
    #expect(throws: PluginError.failed(plugin: "everything", call: "condition", why: "its label is 7, expected 0 to 6"))
    {
      try across.condition(across.prepare(request, for: FakeModel()), with: FakeModel(labels: 7), noise: &noise)
    }
  }

  @Test func anotherVersionIsRefused() {
    let table = UnsafeMutablePointer<UInt32>.allocate(capacity: 1)
    defer { table.deallocate() }
    table.pointee = 7
    #expect(throws: PluginError.version(file: "test", found: 7, expected: 1)) {
      try Plugin(table: UnsafeRawPointer(table), path: "test")
    }
  }
}

extension Noise {
  fileprivate func drawn(_ shape: [Int]) -> Tensor {
    var noise = self
    return noise(shape)
  }
}
