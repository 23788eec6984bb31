import CPlugin
import Diffusion

extension Request {
  /// A copy of what crossed.
  init(_ other: ldm_request) {
    self.init(size: Size(height: Int(other.height), width: Int(other.width)))
    prompt = other.prompt.map { String(cString: $0) } ?? ""
    negativePrompt = other.negative_prompt.map { String(cString: $0) } ?? ""
    image = Tensor(other.image)
    mask = Tensor(other.mask)
    strength = other.strength
    noiseLevel = other.noise_level < 0 ? nil : Int(other.noise_level)
    maskMode = MaskMode.allCases[Int(other.mask_mode)]
    encoding = other.encoding < 0 ? nil : Encoding.allCases[Int(other.encoding)]
    raw = other.raw != 0
  }

  /// What `prepare` changed that does not cross back; nil where all does.
  func changeThatStays(since other: Request) -> String? {
    let parts = [
      ("the prompt", prompt == other.prompt && negativePrompt == other.negativePrompt),
      ("how prompts are read", promptStyle == other.promptStyle && clipSkip == other.clipSkip),
      ("the number of steps", steps == other.steps),
      ("the picture, which is gone", image != nil || other.image == nil),
      ("the mask, which is gone", mask != nil || other.mask == nil),
      (
        "how the mask is read",
        maskMode == other.maskMode && matchesBorder == other.matchesBorder
          && matchesTexture == other.matchesTexture
      ),
      ("the depth map", depth == nil),
      ("the noise level", noiseLevel == other.noiseLevel),
      ("how detail is matched", matchesDetail == other.matchesDetail),
      ("how pictures are encoded", encoding == other.encoding), ("raw", raw == other.raw),
    ]
    return parts.first { !$0.1 }?.0
  }
}

extension Step {
  /// This call as the only ones that a conditioner sees: it, and where the latents stand after it. Earlier ones do not cross.
  init(_ other: ldm_step) throws {
    guard let x = Tensor(other.x), let output = Tensor(other.output), let x0 = Tensor(other.x0) else {
      throw ConditioningError.missing(what: "the step's latents", by: "the plug-in")
    }
    let level = NoiseLevel(signal: other.signal, noise: other.noise)
    let next = NoiseLevel(signal: other.signal_after, noise: other.noise_after)
    var nodes = [Plan.Node(timestep: other.timestep, level: level, next: next)]
    if other.call + 1 < other.calls { nodes.append(Plan.Node(timestep: other.timestep, level: next, next: .clean)) }
    var estimate = Estimate(
      x: x, output: output, level: level, prediction: Prediction.allCases[Int(other.prediction)])
    estimate.x0 = x0
    self.init(plan: Plan(nodes: nodes, first: -Int(other.call)), index: 0, current: estimate, past: [])
  }
}

extension Tensor {
  /// Whether both are one memory: nothing was changed.
  func isSame(as other: Tensor?) -> Bool {
    guard let other else { return false }
    return shape == other.shape && withElements { $0.baseAddress } == other.withElements { $0.baseAddress }
  }
}
