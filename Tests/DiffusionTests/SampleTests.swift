import Diffusion
import Testing

@Suite struct SampleTests {
  struct Stop: Error {}

  /// Answers ε for known clean latents: x = signal · x₀ + noise · ε stays on its line.
  struct PerfectModel: Denoiser {
    let epsilon: Tensor
    func predict(_ input: DenoiserInput) throws -> Tensor { epsilon }
  }

  /// Counts the rows it is given; answers nothing but zeros, or NaN.
  struct Recorder: Denoiser {
    let rows: Calls
    var value: Float = 0
    func predict(_ input: DenoiserInput) throws -> Tensor {
      _ = rows.append(input.latents)
      return Tensor(repeating: value, shape: [input.latents.shape[0], 4, 2, 2])
    }
  }

  private func run(
    _ denoiser: any Denoiser, _ conditioning: Conditioning = .init(), guidance: Double = 7.5,
    interval: GuidanceInterval? = nil, rescale: Double = 0, name: String = "euler",
    progress: (Int, Int) throws -> Void = { _, _ in }
  ) throws -> Tensor {
    var settings = SampleSettings()
    settings.steps = 5
    settings.guidance = guidance
    settings.guidanceInterval = interval
    settings.guidanceRescale = rescale
    var noise = Noise(seed: 1)
    let sampler = try Samplers.named(name).make(.stableDiffusion)
    return try sample(
      denoiser, conditioning, sampler, settings, shape: [1, 4, 2, 2], noise: &noise, progress: progress)
  }

  /// Changes nothing; notes the guided outputs.
  private func noting(_ outputs: Calls) -> Conditioning.Constrain {
    { x, step in
      _ = outputs.append(step.current.output)
      return x
    }
  }

  @Test(arguments: ["ddim", "euler", "heun", "dpm2", "lms", "dpm++2m", "unipc", "pndm", "plms"])
  func aPerfectModelGivesTheCleanLatents(name: String) throws {
    let (clean, epsilon) = (ramp(-1, 1), ramp(2, -1))
    var conditioning = Conditioning()
    // lms and pndm miss earlier answers in a cut run, as in diffusers.
    conditioning.start = Start(latents: clean, noise: epsilon, strength: ["lms", "pndm"].contains(name) ? 1 : 0.8)
    let result = try run(PerfectModel(epsilon: epsilon), conditioning, name: name)
    // DDIM and PNDM end at ᾱ[0], not at 1.
    let final =
      ["ddim", "pndm", "plms"].contains(name)
      ? try NoiseSchedule(.stableDiffusion).level(at: 0).noised(clean, with: epsilon) : clean
    #expect(result.distance(to: final) < 1e-4)
  }

  @Test(arguments: [(1.0, 1), (0.0, 1), (7.5, 2)])
  func guidanceDecidesTheRows(guidance: Double, rows: Int) throws {
    var conditioning = Conditioning()
    conditioning.context = [TextCourse(TextEncoding(tokens: Tensor(zeros: [1, 3, 2])))]
    conditioning.negative = conditioning.context[0]
    conditioning.concatenated = ramp(3, 3)
    let calls = Calls()
    _ = try run(Recorder(rows: calls), conditioning, guidance: guidance)
    #expect(calls.all.allSatisfy { $0.shape == [rows, 8, 2, 2] })
    #expect(calls.all.allSatisfy { $0.slice(axis: 1, 4..<8).elements.allSatisfy { $0 == 3 } })
  }

  /// Euler's five σ of this schedule are 14.6, 4.1, 1.6, 0.7 and 0.03.
  @Test(
    arguments: [
      (0, .infinity, [2, 2, 2, 2, 2]), (1, 5, [1, 2, 2, 1, 1]), (1, .infinity, [2, 2, 2, 1, 1]),
      (8, 9, [1, 1, 1, 1, 1]),
    ]
      as [(Double, Double, [Int])])
  func outsideItsIntervalGuidanceTakesOneRow(low: Double, high: Double, rows: [Int]) throws {
    var conditioning = Conditioning()
    conditioning.context = [course("3", steps: 5)]
    conditioning.negative = course("1", steps: 5)
    let (calls, outputs) = (Calls(), Calls())
    conditioning.constrain = [noting(outputs)]
    let interval = GuidanceInterval(low: low, high: high)
    _ = try run(Reader(contexts: calls), conditioning, guidance: 4, interval: interval)
    #expect(calls.all.map(\.elements) == rows.map { $0 == 2 ? [1, 3] : [3] })
    #expect(outputs.all.map { $0[flat: 0] } == rows.map { $0 == 2 ? 1 + 4 * (3 - 1) : 3 })
  }

  @Test func theIntervalIsOpenBelowAndClosedAbove() throws {
    let plan = try Samplers.named("euler").make(.stableDiffusion).plan(StepCount(5))
    var conditioning = Conditioning()
    conditioning.context = [course("3", steps: 5)]
    conditioning.negative = course("1", steps: 5)
    let (calls, sigmas) = (Calls(), plan.nodes.map(\.level.sigma))
    let interval = GuidanceInterval(low: sigmas[3], high: sigmas[1])
    _ = try run(Reader(contexts: calls), conditioning, interval: interval)
    #expect(calls.all.map(\.count) == [1, 2, 2, 1, 1])
  }

  /// What composes prompts needs all rows; outside the interval they are weighed as they are.
  @Test func aCompositionKeepsItsRowsOutsideTheInterval() throws {
    var conditioning = Conditioning()
    conditioning.context = [course("1", steps: 5), course("5", steps: 5)]
    conditioning.negative = course("10", steps: 5)
    let (calls, outputs) = (Calls(), Calls())
    conditioning.constrain = [noting(outputs)]
    let interval = GuidanceInterval(low: 1, high: 5)
    _ = try run(Reader(contexts: calls), conditioning, guidance: 4, interval: interval, rescale: 0.7)
    #expect(calls.all.allSatisfy { $0.elements == [10, 1, 5] })
    // Flat rows have no deviation to rescale by.
    let expected: [Float] = [1, 4, 4, 1, 1].map { 10 + $0 * (1 - 10) + $0 * (5 - 10) }
    #expect(outputs.all.map { $0[flat: 0] } == expected)
  }

  @Test func aModelThatGuidesItselfHasNoInterval() throws {
    var conditioning = Conditioning()
    conditioning.context = [course("1", steps: 5)]
    #expect(throws: ConditioningError.self) {
      _ = try run(
        Reader(contexts: Calls(), embedsGuidance: true), conditioning, interval: GuidanceInterval(low: 1, high: 5))
    }
  }

  /// A text of two windows against one of one: both rows hold each token equally often.
  @Test func textsOfUnequalLengthsAreRepeatedToOne() throws {
    var conditioning = Conditioning()
    conditioning.context = [TextCourse(TextEncoding(tokens: Tensor([1, 2, 3, 4], shape: [1, 4, 1])))]
    conditioning.negative = TextCourse(TextEncoding(tokens: Tensor([5, 6, 7, 8, 9, 10], shape: [1, 6, 1])))
    let calls = Calls()
    _ = try run(Reader(contexts: calls), conditioning)
    #expect(calls.all[0].shape == [2, 12, 1])
    #expect(calls.all[0].elements == [5, 6, 7, 8, 9, 10, 5, 6, 7, 8, 9, 10, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4])
  }

  /// 5 and 4 tokens meet at 20; with 7 all would at 140.
  @Test func textsThatMeetTooLateAreReadApart() throws {
    func text(_ number: Float, _ length: Int) -> TextCourse {
      TextCourse(TextEncoding(tokens: Tensor(repeating: number, shape: [1, length, 1])))
    }
    var conditioning = Conditioning()
    conditioning.context = [text(1, 4), text(5, 7)]
    conditioning.negative = text(10, 5)
    let (calls, outputs) = (Calls(), Calls())
    conditioning.constrain = [noting(outputs)]
    _ = try run(Reader(contexts: calls), conditioning, guidance: 4)
    #expect(calls.all.prefix(2).map(\.shape) == [[2, 20, 1], [1, 7, 1]] && calls.all.count == 10)
    let guided: Float = 10 + 4 * (1 - 10) + 4 * (5 - 10)
    #expect(outputs.all.allSatisfy { $0[flat: 0] == guided })
  }

  /// Answers each row with the first number of its text.
  struct Reader: Denoiser {
    let contexts: Calls
    var embedsGuidance = false
    func predict(_ input: DenoiserInput) throws -> Tensor {
      _ = contexts.append(input.context!)
      let rows = (0..<input.latents.shape[0]).map { row in
        Tensor(repeating: input.context!.slice(axis: 0, row..<(row + 1))[flat: 0], shape: [1, 4, 2, 2])
      }
      return Tensor.concatenate(rows, axis: 0)
    }
  }

  private func course(_ text: String, steps: Int) -> TextCourse {
    TextCourse(Prompt(text, style: .a1111).course(steps: steps)) {
      TextEncoding(tokens: Tensor([Float($0.text)!], shape: [1, 1, 1]))
    }
  }

  /// The text of each of 5 steps, however many calls a step takes; of a picture that strength cuts, counted from its start.
  @Test(
    arguments: [
      ("euler", 1.0, [1, 1, 2, 2, 2]), ("ddim", 1, [1, 1, 2, 2, 2]), ("pndm", 1, [1, 1, 1, 2, 2, 2]),
      ("heun", 1, [1, 1, 1, 1, 2, 2, 2, 2, 2]), ("dpm2", 1, [1, 1, 1, 1, 2, 2, 2, 2, 2]), ("euler", 0.6, [1, 1, 2]),
      ("plms", 0.6, [1, 1, 1, 2]),
    ] as [(String, Double, [Float])])
  func aTextThatChangesDoesSoAtItsStep(name: String, strength: Double, expected: [Float]) throws {
    var conditioning = Conditioning()
    conditioning.context = [course("[1:2:2]", steps: 5)]
    conditioning.start = Start(latents: Tensor(zeros: [1, 4, 2, 2]), strength: strength)
    let calls = Calls()
    _ = try run(Reader(contexts: calls), conditioning, guidance: 1, name: name)
    #expect(calls.all.map { $0[flat: 0] } == expected)
  }

  /// u + g Σ w (c - u) for u = 10, c = 1, 2 by turns, and 5.
  @Test(arguments: [(7.5, false, 7.5), (1, false, 1), (7.5, true, 1)])
  func composedTextsAreWeighed(guidance: Double, embeds: Bool, effective: Double) throws {
    var conditioning = Conditioning()
    conditioning.context = [course("[1|2]", steps: 5), course("5", steps: 5)]
    conditioning.context[0].weight = 0.5
    conditioning.context[1].weight = -0.25
    conditioning.negative = course("10", steps: 5)
    let (calls, outputs) = (Calls(), Calls())
    conditioning.constrain = [noting(outputs)]
    _ = try run(Reader(contexts: calls, embedsGuidance: embeds), conditioning, guidance: guidance)
    #expect(calls.all.map(\.elements) == [1, 2, 1, 2, 1].map { [10, $0, 5] })
    for (output, c) in zip(outputs.all, [1.0, 2, 1, 2, 1]) {
      let expected = 10 + effective * (0.5 * (c - 10) - 0.25 * (5 - 10))
      #expect(output.elements.allSatisfy { abs(Double($0) - expected) < 1e-4 })
    }
  }

  @Test func aCompositionNeedsSomethingToComposeAgainst() throws {
    var conditioning = Conditioning()
    conditioning.context = [course("1", steps: 1), course("2", steps: 1)]
    #expect(throws: ConditioningError.self) { _ = try run(Reader(contexts: Calls()), conditioning) }
  }

  @Test func progressStopsTheRun() {
    let calls = Calls()
    #expect(throws: Stop.self) {
      _ = try run(Recorder(rows: calls), progress: { done, total in if (done, total) == (2, 5) { throw Stop() } })
    }
    #expect(calls.all.count == 2)
  }

  @Test func aNonFiniteLatentIsAnError() {
    #expect(throws: SamplerError.notFinite(call: 1, of: 5)) {
      _ = try run(Recorder(rows: Calls(), value: .nan))
    }
  }

  @Test func anUnknownSamplerIsNamed() {
    #expect(throws: SamplerError.unknown(name: "magic", known: Samplers.all.map(\.name))) {
      _ = try Samplers.named("magic")
    }
  }

  @Test(arguments: ["heun", "lms", "pndm", "plms", "dpm2", "dpm2-a", "dpm++sde"])
  func zeroTerminalSNRIsRefused(name: String) throws {
    var config = SchedulerConfig.stableDiffusion
    config.rescaleBetasZeroSNR = true
    #expect(throws: SamplerError.self) { _ = try Samplers.named(name).make(config) }
  }

  @Test(arguments: [(10, 0.3, 3), (100, 0.29, 28), (10, 0.6, 6), (10, 0, 0)] as [(Int, Double, Int)])
  func strengthCutsInDoublePrecision(steps: Int, strength: Double, run: Int) throws {
    let count = try StepCount(steps, strength: strength)
    #expect(count.total - count.skipped == run)
  }

  @Test(arguments: [("ddim", 501.0, 1.9002767), ("euler", 555, 3.9501624), ("dpm++2m", 599, 1.7199278)])
  func latentsAreNoisedToTheFirstStep(name: String, timestep: Double, expected: Float) throws {
    let plan = try Samplers.named(name).make(.stableDiffusion).plan(StepCount(10, strength: 0.6))
    let node = plan.nodes[plan.calls.lowerBound]
    let x = node.mark.noised(Tensor([2], shape: [1]), with: Tensor([1], shape: [1]))
    #expect(node.timestep == timestep)
    #expect(abs(x[flat: 0] - expected) < 2e-6)
  }
}
