import Foundation
import LatentDiffusion
import Testing
import Weights

@Suite struct ApproximationTests {
  private static let model = "\(PipelineCase.golden)/text/model"

  private func job(_ sampling: (inout Sampling) -> Void) -> Job {
    var request = Request(size: Size(height: 32, width: 48))
    (request.prompt, request.negativePrompt) = ("a red apple", "house")
    var job = Job(.textToImage, request)
    (job.sampling.steps, job.sampling.guidance, job.sampling.seed) = (8, 7.5, 7)
    sampling(&job.sampling)
    return job
  }

  /// Whole pictures of diffusers' pipeline under the authors' helper, and with guidance switched by its callback
  /// (`Tests/Reference/approximations.py`).
  @Test(arguments: ["deep-cache", "guidance-interval"])
  func matchesDiffusers(name: String) throws {
    let engine = try Engine(modelAt: Self.model, precision: .f32)
    let job = job {
      if name == "deep-cache" { $0.approximation.deepInterval = 3 }
      if name == "guidance-interval" { $0.guidanceInterval = GuidanceInterval(low: 3, high: 20) }
    }
    let file = try SafetensorsFile(at: "\(PipelineCase.golden)/approximations/\(name).safetensors")
    let bytes = file.tensors["output"]!.tensor()
    let expected = bytes.reshaped([1] + bytes.shape).channelsFirst()
    let found = try engine.run(job).map { (min(max($0 / 2 + 0.5, 0), 1) * 255).rounded(.toNearestOrEven) }
    #expect((found - expected).elements.allSatisfy { abs($0) <= 1 })
  }

  /// Of what is kept the rows that guidance leaves out are left out, and where they come back all is computed.
  @Test func guidanceMayEndWhileFeaturesAreKept() throws {
    let engine = try Engine(modelAt: Self.model, precision: .f32)
    let both = try engine.run(
      job {
        $0.approximation.deepInterval = 4
        $0.guidanceInterval = GuidanceInterval(low: 1, high: 3)
      })
    let alone = try engine.run(job { $0.guidanceInterval = GuidanceInterval(low: 1, high: 3) })
    #expect(both.isFinite && both.elements != alone.elements)
  }

  /// A denoiser is told which window of a large picture it sees, so that it takes none for another.
  @Test func windowsAreToldApart() throws {
    var calls: [Int: [Float]] = [:]
    let windows = Windows(height: 12, width: 16, side: 8, overlap: 2)
    let probe = Probe { input in
      let mean = Float(input.latents.mean)
      calls[input.window, default: []].append(mean)
    }
    let denoiser = WindowedDenoiser(model: probe, windows: windows) {}
    for scale in [1, 2] as [Float] {
      _ = try denoiser.predict(
        DenoiserInput(latents: Tensor((0..<192).map { scale * Float($0) }, shape: [1, 1, 12, 16]), timestep: 1))
    }
    #expect(calls.count == windows.count)
    #expect(calls.values.allSatisfy { $0.count == 2 && abs($0[1] - 2 * $0[0]) < 1e-3 })
  }

  private struct Probe: Denoiser {
    let note: (DenoiserInput) -> Void
    func predict(_ input: DenoiserInput) throws -> Tensor {
      note(input)
      return input.latents
    }
  }

  @Test func aRunTooShortToReuseAnythingIsRefused() throws {
    let engine = try Engine(modelAt: Self.model)
    #expect(throws: SamplerError.range(what: "deep-cache", found: "5", expected: "at most half of the 8 steps")) {
      _ = try engine.run(job { $0.approximation.deepInterval = 5 })
    }
  }

  @Test func aModelWithoutTokensIsRefused() throws {
    let engine = try Engine(modelAt: "\(PipelineCase.golden)/upscaler-notext/model")
    var request = Request(size: Size(height: 64, width: 64))
    request.image = Tensor(zeros: [1, 3, 16, 16])
    var job = Job(.upscale, request)
    job.sampling.approximation.mergedTokens = 0.5
    #expect(throws: ConditioningError.self) { _ = try engine.run(job) }
  }
}
