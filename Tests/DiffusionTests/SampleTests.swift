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
    _ denoiser: any Denoiser, _ conditioning: Conditioning = .init(), guidance: Double = 7.5, name: String = "euler",
    progress: (Int, Int) throws -> Void = { _, _ in }
  ) throws -> Tensor {
    var settings = SampleSettings()
    settings.steps = 5
    settings.guidance = guidance
    var noise = Noise(seed: 1)
    let sampler = try Samplers.named(name).make(.stableDiffusion)
    return try sample(
      denoiser, conditioning, sampler, settings, shape: [1, 4, 2, 2], noise: &noise, progress: progress)
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
    conditioning.context = TextEncoding(tokens: Tensor(zeros: [1, 3, 2]))
    conditioning.negative = conditioning.context
    conditioning.concatenated = ramp(3, 3)
    let calls = Calls()
    _ = try run(Recorder(rows: calls), conditioning, guidance: guidance)
    #expect(calls.all.allSatisfy { $0.shape == [rows, 8, 2, 2] })
    #expect(calls.all.allSatisfy { $0.slice(axis: 1, 4..<8).elements.allSatisfy { $0 == 3 } })
  }

  /// A text of two windows against one of one: both rows hold each token equally often.
  @Test func textsOfUnequalLengthsAreRepeatedToOne() throws {
    struct Reader: Denoiser {
      let contexts: Calls
      func predict(_ input: DenoiserInput) throws -> Tensor {
        _ = contexts.append(input.context!)
        return Tensor(zeros: [input.latents.shape[0], 4, 2, 2])
      }
    }
    var conditioning = Conditioning()
    conditioning.context = TextEncoding(tokens: Tensor([1, 2, 3, 4], shape: [1, 4, 1]))
    conditioning.negative = TextEncoding(tokens: Tensor([5, 6, 7, 8, 9, 10], shape: [1, 6, 1]))
    let calls = Calls()
    _ = try run(Reader(contexts: calls), conditioning)
    #expect(calls.all[0].shape == [2, 12, 1])
    #expect(calls.all[0].elements == [5, 6, 7, 8, 9, 10, 5, 6, 7, 8, 9, 10, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2, 3, 4])
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
