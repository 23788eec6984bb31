import Foundation
import Tensors

extension Weights {
  /// One safetensors file.
  public init(safetensorsAt path: String) throws(WeightsError) {
    self.init(try SafetensorsFile(at: path).tensors, source: path)
  }

  /// The weights of a component's folder in diffusers' layout: one file, or shards named by an index.
  public init(componentAt folder: String) throws(WeightsError) {
    for stem in ["diffusion_pytorch_model", "model"] {
      for variant in ["", ".fp16"] {
        let path = "\(folder)/\(stem)\(variant).safetensors"
        if FileManager.default.fileExists(atPath: path) {
          try self.init(safetensorsAt: path)
          return
        }
        let index = "\(folder)/\(stem).safetensors.index\(variant).json"
        if FileManager.default.fileExists(atPath: index) {
          try self.init(shardsOf: index, in: folder)
          return
        }
      }
    }
    throw .unreadable(file: folder, why: "holds no diffusion_pytorch_model.safetensors or model.safetensors")
  }

  private init(shardsOf index: String, in folder: String) throws(WeightsError) {
    guard let data = FileManager.default.contents(atPath: index),
      let json = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
      let map = json["weight_map"] as? [String: String]
    else { throw .malformed(file: index, why: "no weight_map") }
    var tensors: [String: WeightTensor] = [:]
    for shard in Set(map.values).sorted() {
      guard !shard.contains("/"), shard != "..", !shard.isEmpty else {
        throw .malformed(file: index, why: "a shard outside its folder: \(shard)")
      }
      let file = try SafetensorsFile(at: "\(folder)/\(shard)")
      for (name, tensor) in file.tensors where map[name] == shard { tensors[name] = tensor }
    }
    if let absent = map.keys.sorted().first(where: { tensors[$0] == nil }) {
      throw .missing(tensor: absent, file: "\(folder)/\(map[absent]!)", nearest: nil)
    }
    self.init(tensors, source: folder)
  }
}
