import Foundation
import Layers

/// A recorded component: its weights, its config, and what the reference computed (`Tests/Reference/modules.py`).
struct Golden {
  let parameters: Parameters
  let config: Config
  private let tensors: [String: WeightTensor]

  init(_ path: String, policy: KernelPolicy = KernelPolicy(precision: .f32)) throws {
    let folder = Bundle.module.resourcePath! + "/Golden/" + path
    parameters = Parameters(try Weights(componentAt: folder), policy)
    config = try Config(at: "\(folder)/config.json")
    tensors = try SafetensorsFile(at: "\(folder)/io.safetensors").tensors
  }

  subscript(_ name: String) -> Tensor { tensors[name]!.tensor() }

  func contains(_ name: String) -> Bool { tensors[name] != nil }
}
