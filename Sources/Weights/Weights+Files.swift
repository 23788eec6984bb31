import Foundation
import Tensors

extension Weights {
  /// One file, of any format.
  public init(fileAt path: String) throws(WeightsError) { try self.init(TensorFile(at: path)) }

  /// One file that is open already.
  public init(_ file: TensorFile) throws(WeightsError) {
    self.init(try Int8Weights.joined(file.tensors, file: file.path), source: file.path)
  }

  /// The weights of a component's folder in diffusers' layout: one file, or shards named by an index; safetensors before
  /// PyTorch's .bin, the plain variant before `fp16`, and that before others.
  public init(componentAt folder: String) throws(WeightsError) {
    let names = Set((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
    let stems = [("diffusion_pytorch_model", "safetensors"), ("model", "safetensors")]
    let older = [("diffusion_pytorch_model", "bin"), ("pytorch_model", "bin")]
    for (stem, suffix) in stems + older {
      for variant in Self.variants(stem, suffix, in: names) {
        let name = "\(stem)\(variant).\(suffix)"
        if names.contains(name) {
          try self.init(fileAt: "\(folder)/\(name)")
          return
        }
        let index = "\(stem).\(suffix).index\(variant).json"
        if names.contains(index) {
          try self.init(shardsOf: "\(folder)/\(index)", in: folder)
          return
        }
      }
    }
    throw .unreadable(file: folder, why: "holds no diffusion_pytorch_model.safetensors or model.safetensors")
  }

  /// "", ".fp16", then whatever else stands between the stem and the suffix, those without EMA last.
  private static func variants(_ stem: String, _ suffix: String, in names: Set<String>) -> [String] {
    let others = names.compactMap { name -> String? in
      guard name.hasPrefix("\(stem)."), name.hasSuffix(".\(suffix)") else { return nil }
      let variant = name.dropFirst(stem.count).dropLast(suffix.count + 1)
      return variant.isEmpty || variant == ".fp16" || variant.contains("-of-") ? nil : String(variant)
    }
    return ["", ".fp16"] + others.sorted { ($0.contains("non_ema") ? 1 : 0, $0) < ($1.contains("non_ema") ? 1 : 0, $1) }
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
      let file = try TensorFile(at: "\(folder)/\(shard)")
      for (name, tensor) in file.tensors where map[name] == shard { tensors[name] = tensor }
    }
    if let absent = map.keys.sorted().first(where: { tensors[$0] == nil }) {
      throw .missing(tensor: absent, file: "\(folder)/\(map[absent]!)", nearest: nil)
    }
    self.init(try Int8Weights.joined(tensors, file: folder), source: folder)
  }
}
