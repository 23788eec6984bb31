import Foundation
import LatentDiffusion
import Testing

/// Pictures of sizes that a model is not made for.
@Suite struct PictureSizeTests {
  private static let golden = PipelineCase.golden

  private func picture(_ height: Int, _ width: Int) -> Tensor {
    Tensor(shape: [1, 3, height, width]) { out in
      for i in out.indices { out[i] = Float(sin(Double(i) * 0.37) * 0.8) }
    }
  }

  /// The inpainting model of 2021 with blocks of residuals that halve and double, which give no odd size back.
  @Test func aNetworkThatHalvesByResidualBlocksGetsWhatItNeeds() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("ldm-sizes-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.copyItem(atPath: "\(Self.golden)/ldm-inpaint/model", toPath: folder.path)
    let unet = folder.appendingPathComponent("unet")
    try FileManager.default.removeItem(at: unet)
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    try FileManager.default.copyItem(
      at: tests.appendingPathComponent("ModelsTests/Golden/families/plain-resnets"), to: unet)
    var request = Request(size: Size(height: 20, width: 44))
    request.image = picture(20, 44)
    request.mask = Tensor(repeating: 1, shape: [1, 1, 20, 44])
    var job = Job(.inpaint, request)
    (job.work, job.sampling.steps) = (.input, 2)
    let result = try Engine(modelAt: folder.path, precision: .f32).run(job)
    #expect(result.shape == [1, 3, 20, 44] && result.isFinite)
  }

  /// Latents of 40x40 are one tile by nature.
  @Test func tilesAreAsLargeAsAskedFor() throws {
    let latents = Tensor(shape: [1, 4, 40, 40]) { out in
      for i in out.indices { out[i] = Float(sin(Double(i) * 0.11)) }
    }
    func decoded(_ tiling: Tiling) throws -> Tensor {
      try Engine(modelAt: "\(Self.golden)/text/model", precision: .f32, tiling: tiling).decode(latents)
    }
    let whole = try decoded(.off)
    #expect(try decoded(.auto).elements == whole.elements)
    let tiled = try decoded(.side(1))
    #expect(tiled.shape == whole.shape && tiled.elements != whole.elements)
    #expect(Double(tiled.distance(to: whole)) < 0.5 * whole.standardDeviation)
  }

  /// Left and right differ in all that a norm looks at: by itself the left comes out unlike what it is in the whole.
  @Test func tilesHaveOneBrightness() throws {
    let latents = Tensor(shape: [1, 4, 32, 96]) { out in
      for i in out.indices { out[i] = Float(0.4 * sin(Double(i) * 0.11)) + (i % 96 < 48 ? -1 : 1) }
    }
    func decoded(_ tiling: Tiling, _ latents: Tensor) throws -> Tensor {
      let picture = try Engine(modelAt: "\(Self.golden)/text/model", precision: .f32, tiling: tiling).decode(latents)
      return picture.slice(axis: 3, 0..<(picture.shape[2] / 2))
    }
    let whole = try decoded(.off, latents)
    let alone = try decoded(.off, latents.slice(axis: 3, 0..<32))
    let tiled = try decoded(.side(1), latents)
    #expect(tiled.distance(to: whole) < 0.3 * alone.distance(to: whole))
  }

  private func photograph(_ model: String = "text", refiner: String? = nil, _ change: (inout Job) -> Void) throws
    -> Tensor
  {
    var request = Request(size: Size(height: 112, width: 112))
    (request.image, request.strength) = (picture(112, 112), 0.6)
    var job = Job(.imageToImage, request)
    job.sampling.steps = 4
    change(&job)
    let engine = try Engine(
      modelAt: "\(Self.golden)/\(model)/model", refinerAt: refiner.map { ("\(Self.golden)/\($0)/model", 0.5) },
      precision: .f32)
    return try engine.run(job)
  }

  @Test func rawPhotographsAreNotCorrected() throws {
    #expect(try photograph { _ in }.elements != (try photograph { $0.request.raw = true }).elements)
  }

  /// The second pass runs at half the strength: 50 steps of 1000 or more there are not.
  @Test func exactStepsOfTheSecondPassAreAsManyAsThereAre() throws {
    let result = try photograph {
      ($0.sampling.exactSteps, $0.sampling.steps, $0.request.strength) = (true, 50, 0.1)
    }
    #expect(result.isFinite)
  }

  @Test func aRefinerIsShownNoCanvas() throws {
    #expect(try photograph("sdxl-inpaint", refiner: "sdxl-refiner") { _ in }.isFinite)
  }

  @Test func aRepaintedImageIsOpaqueAndSaysNothing() throws {
    let opacity = Tensor(repeating: 0.5, shape: [1, 1, 32, 32])
    var image = Image(tensor: picture(32, 32), alpha: opacity)
    image.metadata.icc = [1, 2, 3]
    var request = Request(size: Size(height: 32, width: 32))
    request.mask = Tensor(repeating: 1, shape: [1, 1, 32, 32])
    var job = Job(.inpaint, request)
    (job.picture, job.sampling.steps) = (image, 1)
    let result = try Engine(modelAt: "\(Self.golden)/inpaint/model", precision: .f32).picture(job)
    #expect(!result.hasAlpha && result.metadata.icc == nil)
  }
}
