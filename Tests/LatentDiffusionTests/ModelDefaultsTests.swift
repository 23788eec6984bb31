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

  private func guidance(_ task: Job.Task, says defaults: String, option: Double? = nil) throws -> Double {
    try Data(defaults.utf8).write(to: folder.appendingPathComponent("ldm.json"))
    var job = Job(task, Request(size: Size(height: 32, width: 32)))
    job.sampling.guidance = option
    return try Engine(modelAt: folder.path).plan(job).guidance
  }

  @Test func aTaskMayHaveGuidanceOfItsOwn() throws {
    let both = #"{ "guidance": 4, "task_guidance": { "inpaint": 2 } }"#
    #expect(try guidance(.inpaint, says: both) == 2)
    #expect(try guidance(.textToImage, says: both) == 4)
    #expect(try guidance(.inpaint, says: both, option: 3) == 3)
    #expect(try guidance(.textToImage, says: #"{ "task_guidance": { "inpaint": 2 } }"#) == 7.5)
  }

  @Test(arguments: [#"{ "task_guidance": 2 }"#, #"{ "task_guidance": { "inpaint": "much" } }"#])
  func guidanceThatIsNoNumberIsRefused(defaults: String) throws {
    #expect(throws: ConfigError.self) { try self.guidance(.inpaint, says: defaults) }
  }
}
