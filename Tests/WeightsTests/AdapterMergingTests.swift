import Foundation
import Tensors
import Testing
import Weights

/// `Fixtures/lycoris` is made by `Tests/Reference/lycoris_merging.py`, with LyCORIS' own functions.
@Suite struct AdapterMergingTests {
  private static let folder = Bundle.module.resourcePath! + "/Fixtures/lycoris"
  static let names = try! FileManager.default.contentsOfDirectory(atPath: folder).sorted()

  /// What `set` makes of the layer `x` of `weight`.
  private func merged(_ weight: WeightTensor, _ loras: [LoRA]) throws -> (Tensor, warnings: [String]) {
    let set = LoRASet(loras)
    let weights = Weights(["x.weight": weight], source: "a model").merging(set, part: "unet")
    let result = try weights.tensor("x.weight", weight.shape).tensor()
    return (result, try set.warnings(for: "a model"))
  }

  @Test(arguments: names)
  func equalsLyCORIS(name: String) throws {
    let path = "\(Self.folder)/\(name)"
    let tensors = try TensorFile(at: path).tensors
    let strength = Double(tensors["strength"]!.tensor()[flat: 0])
    let (result, warnings) = try merged(tensors["weight"]!, [LoRA(at: path, strength: strength)])
    #expect(result.distance(to: tensors["merged"]!.tensor()) < 1e-6)
    #expect(result.distance(to: tensors["weight"]!.tensor()) > 0.1)
    // What stands beside the factors in the fixture is no part of an adaptation.
    #expect(warnings == ["\(path): 3 tensors are not understood, as merged"])
  }

  /// One after another; without lengths the order does not matter.
  @Test func severalAddUp() throws {
    func lora(_ name: String, _ strength: Double) throws -> LoRA {
      try LoRA(at: "\(Self.folder)/\(name).safetensors", strength: strength)
    }
    let weight = try TensorFile(at: "\(Self.folder)/loha.safetensors").tensors["weight"]!
    let both = try merged(weight, [lora("loha", 0.5), lora("lokr", 0.25)]).0
    #expect(try both.distance(to: merged(weight, [lora("lokr", 0.25), lora("loha", 0.5)]).0) < 1e-6)
    let parts = try [("loha", 0.5), ("lokr", 0.25)].map { try merged(weight, [lora($0.0, $0.1)]).0 }
    #expect(both.distance(to: parts[0] + parts[1] - weight.tensor()) < 1e-6)
    #expect(try merged(weight, [lora("dora", 0)]).0.distance(to: weight.tensor()) < 1e-6)
  }

  @Test(arguments: names)
  func anotherLayerIsAnError(name: String) throws {
    let lora = try LoRA(at: "\(Self.folder)/\(name)")
    let other = try SafetensorsFile(
      MappedFile(name: "other", contents: SafetensorsWriter.encoded(["x.weight": Tensor(zeros: [7, 5])])))
    #expect {
      _ = try merged(other.tensors["x.weight"]!, [lora])
    } throws: {
      "\($0)".contains("x holds [") && "\($0)".contains("the model's layer is [7, 5]; it is for another family")
    }
  }

  /// Whole differences change biases and norms too, and a bias alone; what has no bias to change is told.
  @Test func biasesAndNormsAreChanged() throws {
    var drawn: Float = 0
    func noise(_ shape: [Int]) -> Tensor {
      Tensor(shape: shape) { out in
        for i in out.indices {
          drawn += 1
          out[i] = sin(drawn)
        }
      }
    }
    let file = [
      "lora_unet_x.diff": noise([3, 2]), "lora_unet_x.diff_b": noise([3]), "lora_unet_norm.w_norm": noise([2]),
      "lora_unet_norm.b_norm": noise([2]), "lora_unet_y.diff_b": noise([2]), "lora_unet_z.diff_b": noise([2]),
    ]
    let path = FileManager.default.temporaryDirectory.appending(path: "adapter-\(UUID()).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(SafetensorsWriter.encoded(file)).write(to: URL(fileURLWithPath: path))
    let model = [
      "x.weight": noise([3, 2]), "x.bias": noise([3]), "norm.weight": noise([2]), "norm.bias": noise([2]),
      "y.weight": noise([2, 2]), "z.weight": noise([2, 2]), "z.bias": noise([2]),
    ]
    let tensors = try SafetensorsFile(MappedFile(name: "model", contents: SafetensorsWriter.encoded(model))).tensors
    let set = LoRASet([try LoRA(at: path, strength: 0.5)])
    let weights = Weights(tensors, source: "a model").merging(set, part: "unet")
    for (name, change) in [
      ("x.weight", "x.diff"), ("x.bias", "x.diff_b"), ("norm.weight", "norm.w_norm"), ("norm.bias", "norm.b_norm"),
      ("z.bias", "z.diff_b"),
    ] {
      let expected = model[name]! + 0.5 * file["lora_unet_\(change)"]!
      #expect(try weights.tensor(name, expected.shape).tensor().distance(to: expected) < 1e-6)
      #expect(try weights.pending(name, expected.shape).values().distance(to: expected) < 1e-6)
    }
    for name in ["y.weight", "z.weight"] {
      #expect(try weights.tensor(name, [2, 2]).tensor().elements == model[name]!.elements)
    }
    #expect(
      try set.warnings(for: "a model") == ["\(path): 1 of 4 layers are not in a model, as lora_unet_y"])
  }

  @Test(
    arguments: [
      ("x.oft_blocks", [2, 3, 4, 4], "BOFT"), ("x.oft_diag", [3, 4], "OFT"), ("unet.x.oft_R.weight", [2, 6], "OFT"),
      ("unet.x.ia3_l", [4], "(IA)³"), ("768.0.linear.0.weight", [8, 4], "hypernetwork"),
    ] as [(String, [Int], String)])
  func otherKindsAreNamed(key: String, shape: [Int], kind: String) throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "adapter-\(UUID()).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(SafetensorsWriter.encoded([key: Tensor(zeros: shape)])).write(to: URL(fileURLWithPath: path))
    #expect {
      _ = try LoRA(at: path)
    } throws: {
      "\($0)".contains(kind) && "\($0)".contains("not read")
    }
  }

  /// Files whose shapes are absurd end in an error, not in a trap.
  @Test(arguments: [[0, 4], [4, 0], [1, 1], [4], [3, 2, 2], [4, 4, 4, 4, 4]] as [[Int]])
  func absurdShapesAreErrors(shape: [Int]) throws {
    for factors in [
      ["lora_down.weight", "lora_up.weight"], ["lora_down.weight", "lora_up.weight", "lora_mid.weight"],
      ["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"],
      ["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2"], ["lokr_w1", "lokr_w2"],
      ["lokr_w1_a", "lokr_w1_b", "lokr_w2_a", "lokr_w2_b", "lokr_t2"],
      ["lora_down.weight", "lora_up.weight", "dora_scale"], ["diff"], ["oft_blocks"],
      ["a1.weight", "a2.weight", "b1.weight", "b2.weight"], ["weight", "on_input"],
    ] {
      let tensors = Dictionary(uniqueKeysWithValues: factors.map { ("x.\($0)", Tensor(repeating: 1, shape: shape)) })
      let path = FileManager.default.temporaryDirectory.appending(path: "adapter-\(UUID()).safetensors").path
      defer { try? FileManager.default.removeItem(atPath: path) }
      try Data(SafetensorsWriter.encoded(tensors)).write(to: URL(fileURLWithPath: path))
      let weight = try SafetensorsFile(
        MappedFile(name: "model", contents: SafetensorsWriter.encoded(["x.weight": Tensor(zeros: [7, 5])])))
      #expect(throws: WeightsError.self) { _ = try merged(weight.tensors["x.weight"]!, [LoRA(at: path)]) }
    }
  }
}
