import Foundation
import LatentDiffusion
import Testing
import Weights

@Suite final class ModelDefaultsTests {
  private let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("ldm-defaults-\(UUID().uuidString)")

  init() throws {
    try FileManager.default.copyItem(atPath: "\(PipelineCase.golden)/text/model", toPath: folder.path)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private func plan(_ task: Job.Task, says defaults: String, _ sampling: Sampling = Sampling()) throws -> Plan {
    try Data(defaults.utf8).write(to: folder.appendingPathComponent("ldm.json"))
    var job = Job(task, Request(size: Size(height: 32, width: 32)))
    job.sampling = sampling
    return try Engine(modelAt: folder.path).plan(job)
  }

  private func guidance(_ task: Job.Task, says defaults: String, option: Double? = nil) throws -> Double {
    var sampling = Sampling()
    sampling.guidance = option
    return try plan(task, says: defaults, sampling).guidance
  }

  private func sampler(_ task: Job.Task, says defaults: String, option: String? = nil) throws -> String {
    var sampling = Sampling()
    sampling.sampler = option
    return try plan(task, says: defaults, sampling).sampler
  }

  @Test func aTaskMayHaveGuidanceOfItsOwn() throws {
    let both = #"{ "guidance": 4, "task_guidance": { "inpaint": 2 } }"#
    #expect(try guidance(.inpaint, says: both) == 2)
    #expect(try guidance(.textToImage, says: both) == 4)
    #expect(try guidance(.inpaint, says: both, option: 3) == 3)
    #expect(try guidance(.textToImage, says: #"{ "task_guidance": { "inpaint": 2 } }"#) == 7.5)
  }

  @Test func aTaskMayHaveASamplerOfItsOwn() throws {
    let both = #"{ "sampler": "euler", "task_sampler": { "inpaint": "ddpm" } }"#
    #expect(try sampler(.inpaint, says: both) == "ddpm")
    #expect(try sampler(.textToImage, says: both) == "euler")
    #expect(try sampler(.inpaint, says: both, option: "heun") == "heun")
    #expect(throws: SamplerError.self) {
      try self.sampler(.inpaint, says: #"{ "task_sampler": { "inpaint": "magic" } }"#)
    }
  }

  @Test(arguments: [#"{ "task_guidance": 2 }"#, #"{ "task_guidance": { "inpaint": "much" } }"#])
  func guidanceThatIsNoNumberIsRefused(defaults: String) throws {
    #expect(throws: ConfigError.self) { try self.guidance(.inpaint, says: defaults) }
  }

  /// The picture of 4 steps, and how many calls of the network it took.
  private func drawn(_ size: Size, says defaults: String) throws -> (picture: Tensor, calls: Int) {
    try Data(defaults.utf8).write(to: folder.appendingPathComponent("ldm.json"))
    var job = Job(.textToImage, Request(size: size))
    job.sampling.steps = 4
    job.sampling.sampler = "ddim"
    job.sampling.seed = 1
    var calls = 0
    let picture = try Engine(modelAt: folder.path).run(job) { calls = max(calls, $0.done) }
    return (picture, calls)
  }

  @Test func aPictureIsLaidOutSmallFirstWhereTheFolderSaysSo() throws {
    let large = Size(height: 64, width: 32)
    let (once, staged) = (try drawn(large, says: "{}"), try drawn(large, says: #"{ "layout_size": 16 }"#))
    #expect(once.calls == 4)
    // 64 from 32 from 16 pixels: two fifths of the steps in each pass after the first.
    #expect(staged.calls == 4 + 1 + 1)
    #expect(staged.picture.shape == [1, 3, 64, 32])
    let small = Size(height: 16, width: 16)
    let atOnce = try drawn(small, says: #"{ "layout_size": 16 }"#)
    #expect(try atOnce.picture.elements == drawn(small, says: "{}").picture.elements)
  }

  /// The picture of 2 steps by a recorded model with these defaults.
  private func made(_ task: Job.Task, _ request: Request, by name: String, says defaults: String) throws -> [Float] {
    let model = "\(folder.path)/\(name)"
    try? FileManager.default.copyItem(atPath: "\(PipelineCase.golden)/\(name)/model", toPath: model)
    try Data(defaults.utf8).write(to: URL(fileURLWithPath: "\(model)/ldm.json"))
    var job = Job(task, request)
    job.sampling.steps = 2
    job.sampling.seed = 1
    return try Engine(modelAt: model).run(job).elements
  }

  /// A hole filled in 2 steps.
  private func filled(
    matchesBorder: Bool? = nil, matchesTexture: Bool? = nil, strength: Double = 1, side: Int = 32, says defaults: String
  ) throws -> [Float] {
    var request = Request(size: Size(height: side, width: side))
    request.image = Tensor(repeating: 0.5, shape: [1, 3, side, side])
    request.mask = Tensor(shape: [1, 1, side, side]) { out in for i in out.indices { out[i] = i % side < 12 ? 1 : 0 } }
    (request.matchesBorder, request.matchesTexture) = (matchesBorder, matchesTexture)
    request.strength = strength
    return try made(.inpaint, request, by: "inpaint", says: defaults)
  }

  @Test func whetherHolesMatchTheirBorderIsTheFoldersToSay() throws {
    let (matched, left) = (try filled(matchesBorder: true, says: "{}"), try filled(matchesBorder: false, says: "{}"))
    #expect(matched != left)
    #expect(try filled(matchesBorder: nil, says: "{}") == left)
    #expect(try filled(matchesBorder: nil, says: #"{ "match_border": true }"#) == matched)
    #expect(try filled(matchesBorder: false, says: #"{ "match_border": true }"#) == left)
    #expect(throws: ConfigError.self) { try self.filled(matchesBorder: nil, says: #"{ "match_border": 1 }"#) }
  }

  @Test func whetherHolesMatchTheTextureAroundThemIsTheFoldersToSay() throws {
    let yes = #"{ "match_texture": true }"#
    let (matched, left) = (
      try filled(matchesTexture: true, side: 64, says: "{}"), try filled(side: 64, says: "{}")
    )
    #expect(matched != left)
    #expect(try filled(matchesTexture: false, side: 64, says: yes) == left)
    #expect(try filled(side: 64, says: yes) == matched)
    #expect(throws: ConfigError.self) { try self.filled(says: #"{ "match_texture": "no" }"#) }
  }

  /// What strength keeps of a hole, no patch replaces.
  @Test func textureIsMatchedAtFullStrengthAlone() throws {
    let left = try filled(strength: 0.6, side: 64, says: "{}")
    #expect(try filled(matchesTexture: true, strength: 0.6, side: 64, says: "{}") == left)
  }

  /// A plain picture enlarged in 2 steps.
  private func enlarged(matchesDetail: Bool? = nil, says defaults: String) throws -> [Float] {
    var request = Request(size: Size(height: 64, width: 64))
    request.image = Tensor(repeating: 0.25, shape: [1, 3, 16, 16])
    request.matchesDetail = matchesDetail
    return try made(.upscale, request, by: "upscaler", says: defaults)
  }

  @Test func whetherAddedDetailIsMatchedIsTheFoldersToSay() throws {
    let yes = #"{ "match_detail": true }"#
    let (matched, left) = (try enlarged(matchesDetail: true, says: "{}"), try enlarged(says: "{}"))
    // A plain picture has no detail.
    #expect(matched.allSatisfy { abs($0 - 0.25) < 1e-3 })
    #expect(left.contains { abs($0 - 0.25) > 1e-2 })
    #expect(try enlarged(says: yes) == matched)
    #expect(try enlarged(matchesDetail: false, says: yes) == left)
    #expect(throws: ConfigError.self) { try self.enlarged(says: #"{ "match_detail": "no" }"#) }
  }

  @Test func aSizeOfNothingIsRefused() {
    #expect(throws: ConfigError.self) { try self.drawn(Size(height: 32, width: 32), says: #"{ "layout_size": 0 }"#) }
  }
}
