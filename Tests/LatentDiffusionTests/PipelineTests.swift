import Foundation
import LatentDiffusion
import Testing
import Weights

/// One run of a reference pipeline, all its arguments (`Tests/Reference/pipelines.py`).
struct PipelineCase: Decodable, Sendable, CustomTestStringConvertible {
  var name, task, prompt, negative: String
  var seed: UInt64
  var steps, width, height: Int
  var guidance, rescale: Double
  var sampler, schedule: String?
  var strength: Double?
  var noiseLevel: Int?
  /// Folders, relative to the pipelines', of a refiner's pipeline, with the share that is its own, and of an autoencoder.
  var refiner: String?
  var share: Double?
  var vae: String?
  /// The folder of its model; not part of the file.
  var pipeline: String?

  var testDescription: String { "\(pipeline ?? "")/\(name)" }

  static let golden = Bundle.module.resourcePath! + "/Golden"

  static let all: [PipelineCase] = [
    "text", "inpaint", "upscaler", "upscaler-notext", "sdxl", "sdxl-refiner", "sdxl-inpaint", "depth", "lcm",
    "turbo", "ldm-unconditional", "ldm-text", "ldm-classes", "ldm-upscale", "ldm-inpaint",
  ].flatMap { pipeline in
    let data = FileManager.default.contents(atPath: "\(golden)/\(pipeline)/cases.json")!
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try! decoder.decode([PipelineCase].self, from: data).map {
      var one = $0
      one.pipeline = pipeline
      return one
    }
  }

  /// What the reference pipeline was asked, as a job that corrects nothing and cuts nothing.
  func job(_ tensors: [String: WeightTensor]) -> Job {
    var request = Request(size: Size(height: height, width: width))
    request.prompt = prompt
    request.negativePrompt = negative
    request.image = (tensors["image"]?.tensor()).map { planes($0) / 127.5 - 1 }
    request.depth = (tensors["depth_map"]?.tensor()).map { $0.reshaped([1, 1] + $0.shape) }
    request.mask = (tensors["mask_image"]?.tensor()).map { ($0 / 255).reshaped([1, 1] + $0.shape) }
    request.strength = strength ?? 1
    request.noiseLevel = noiseLevel
    request.raw = true
    var job = Job(Job.Task(rawValue: task)!, request)
    job.work = .input
    job.sampling.seed = seed
    job.sampling.steps = steps
    job.sampling.guidance = guidance
    job.sampling.guidanceRescale = rescale
    job.sampling.sampler = sampler
    job.sampling.schedule = schedule
    return job
  }
}

/// `[H, W, 3]` → `[1, 3, H, W]`.
private func planes(_ x: Tensor) -> Tensor { x.reshaped([1] + x.shape).channelsFirst() }

@Suite struct PipelineTests {
  /// Prompt and seed in, pixels out: as diffusers, to one step of 255.
  @Test(arguments: PipelineCase.all)
  func matchesDiffusers(_ one: PipelineCase) throws {
    let folder = "\(PipelineCase.golden)/\(one.pipeline!)"
    let tensors = try SafetensorsFile(at: "\(folder)/\(one.name).safetensors").tensors
    let engine = try Engine(
      modelAt: "\(folder)/model", autoencoderAt: one.vae.map { "\(PipelineCase.golden)/\($0)" },
      refinerAt: one.refiner.map { (path: "\(PipelineCase.golden)/\($0)/model", share: one.share!) },
      precision: .f32)
    let picture = try engine.run(one.job(tensors))
    let expected = planes(tensors["output"]!.tensor())
    let found = picture.map { (min(max($0 / 2 + 0.5, 0), 1) * 255).rounded(.toNearestOrEven) }
    #expect(found.shape == expected.shape)
    #expect((found - expected).elements.allSatisfy { abs($0) <= 1 })
    #expect(expected.standardDeviation > 10, "a flat picture would prove nothing")
  }

  /// A run hands a prompt's marks down to the text encoder.
  @Test func marksReachTheTextEncoder() throws {
    let engine = try Engine(modelAt: "\(PipelineCase.golden)/text/model", precision: .f32)
    func picture(_ prompt: String, _ style: PromptStyle) throws -> Tensor {
      var request = Request(size: Size(height: 32, width: 32))
      (request.prompt, request.promptStyle) = (prompt, style)
      var job = Job(.textToImage, request)
      job.sampling.steps = 2
      return try engine.run(job)
    }
    let weighted = try picture("a (red:1.6) cat", .a1111)
    #expect(weighted.elements != (try picture("a red cat", .a1111)).elements)
    #expect(weighted.elements != (try picture("a (red:1.6) cat", .plain)).elements)
  }
}
