import Diffusion
import Foundation
import Layers
import Models
import Testing
import Weights

/// `Golden/lora` is made by `Tests/Reference/lora.py`: diffusers' UNet with LoRAs fused by diffusers.
@Suite struct LoRATests {
  private static let folder = Bundle.module.resourcePath! + "/Golden/lora"

  private func lora(_ name: String, _ strength: Double = 1) throws -> LoRA {
    try LoRA(at: "\(Self.folder)/\(name).safetensors", strength: strength)
  }

  private func output(_ set: LoRASet) throws -> Tensor {
    let golden = try Golden("unet/sd1")
    let policy = KernelPolicy(precision: .f32, winogradLimit: 0)
    let parameters = Parameters(golden.parameters.weights.merging(set, part: "unet"), policy)
    let unet = try UNet(parameters, config: UNetConfig(golden.config))
    let timestep = Double(golden["timesteps"].elements[0])
    return unet(DenoiserInput(latents: golden["latents"], timestep: timestep, context: golden["context"]))
  }

  private func expected(_ name: String) throws -> Tensor {
    try SafetensorsFile(at: "\(Self.folder)/io.safetensors").tensors[name]!.tensor()
  }

  @Test func equalsDiffusersFusedLoRAs() throws {
    let (kohya, peft) = (try lora("kohya", 0.7), try lora("peft"))
    for (name, loras) in [("plain", []), ("kohya", [kohya]), ("peft", [peft]), ("both", [kohya, peft])] {
      let set = LoRASet(loras)
      #expect(try output(set).distance(to: expected(name)) < 1e-5, "\(name)")
      #expect(try set.warnings(for: "a model") == [])
    }
  }

  @Test func theConfigBesideTheTensorsScales() throws {
    let expected = try SafetensorsFile(at: "\(Self.folder)/peft-config-output.safetensors").tensors["output"]!.tensor()
    #expect(try output(LoRASet([lora("peft-config", 0.4)])).distance(to: expected) < 1e-5)
  }

  @Test func aCoreIsAChainOfConvolutions() throws {
    let set = LoRASet([try lora("locon", 0.5)])
    #expect(try output(set).distance(to: expected("locon")) < 1e-5)
    let warnings = try set.warnings(for: "a model")
    #expect(warnings.count == 1 && warnings[0].contains("1 of 2") && warnings[0].contains("lora_unet_no_such_layer"))
  }

  /// Both namings at once, on the text tower.
  @Test func textTowersAreAdapted() throws {
    let golden = try Golden("text/quick-gelu")
    // The UNet's strength is no matter here.
    let loras = try ["text-kohya", "text-peft"].map { name in
      try LoRA(at: "\(Self.folder)/\(name).safetensors", strength: 9, textStrength: name == "text-kohya" ? 0.7 : 1)
    }
    let set = LoRASet(loras)
    let parameters = Parameters(golden.parameters.weights.merging(set, part: "text_encoder"), golden.parameters.policy)
    let tower = try CLIPTextModel(parameters, config: CLIPTextConfig(golden.config))
    let ids = golden["ids"]
    let rows = (0..<ids.shape[0]).map { row in (0..<ids.shape[1]).map { Int(ids[flat: row * ids.shape[1] + $0]) } }
    let expected = try SafetensorsFile(at: "\(Self.folder)/text.safetensors").tensors["tokens"]!.tensor()
    #expect(tower(rows).last.distance(to: expected) < 1e-5)
    #expect(golden["last"].distance(to: expected) > 0.01)
    #expect(try set.warnings(for: "a model") == [])
  }

  /// `sdxl-names.json`: layers in the original layout, with the names that diffusers' converter gives them.
  @Test func sdxlIsKnownByTheOriginalNames() throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(Self.folder)/sdxl-names.json"))
    let names = try JSONDecoder().decode([String: String].self, from: data).sorted { $0.key < $1.key }
    var (factors, weights) = ([String: Tensor](), [String: Tensor]())
    for (place, (original, layer)) in names.enumerated() {
      let key = "lora_unet_\(original.replacingOccurrences(of: ".", with: "_"))"
      factors["\(key).lora_down.weight"] = Tensor([1], shape: [1, 1])
      factors["\(key).lora_up.weight"] = Tensor([Float(place + 1)], shape: [1, 1])
      weights["\(layer).weight"] = Tensor(zeros: [1, 1])
    }
    let path = FileManager.default.temporaryDirectory.appending(path: "lora-\(UUID()).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data(SafetensorsWriter.encoded(factors)).write(to: URL(fileURLWithPath: path))
    let set = LoRASet([try LoRA(at: path)])
    let file = try SafetensorsFile(MappedFile(name: "sdxl", contents: SafetensorsWriter.encoded(weights)))
    let model = Weights(file.tensors, source: "sdxl").merging(set, part: "unet")
    for (place, (_, layer)) in names.enumerated() {
      #expect(try model.tensor("\(layer).weight", [1, 1]).tensor()[flat: 0] == Float(place + 1), "\(layer)")
    }
    #expect(try set.warnings(for: "a model") == [] && names.count > 150)
  }

  @Test func whatIsNotUnderstoodIsNamed() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "lora-\(UUID()).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    var tensors = try SafetensorsFile(at: "\(Self.folder)/kohya.safetensors").tensors.mapValues { $0.tensor() }
    tensors["bundle_emb.cat.vec"] = Tensor([1, 2], shape: [1, 2])
    tensors["lora_unet_half.lora_down.weight"] = tensors["bundle_emb.cat.vec"]
    try Data(SafetensorsWriter.encoded(tensors)).write(to: URL(fileURLWithPath: path))
    let set = LoRASet([try LoRA(at: path, strength: 0.7)])
    #expect(try output(set).distance(to: expected("kohya")) < 1e-5)
    #expect(try set.warnings(for: "a model") == ["\(path): 2 tensors are not understood, as bundle_emb.cat.vec"])
  }

  @Test func aLoRAOfAnotherFamilyIsAnError() throws {
    let unused = LoRASet([try lora("peft")])
    #expect { try unused.warnings(for: "a model") } throws: { "\($0)".contains("another family") }
    let golden = try Golden("unet/sd2")
    let set = LoRASet([try lora("kohya")])
    #expect {
      _ = try UNet(Parameters(golden.parameters.weights.merging(set, part: "unet")), config: UNetConfig(golden.config))
    } throws: { "\($0)".contains("another family") }
  }

  @Test(arguments: [
    ("x.oft_blocks", "OFT"), ("x.hada_w1_a", "is this a model?"), ("conv.weight", "is this a model?"),
  ])
  func otherKindsAreRefusedByName(tensor: String, name: String) throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "lora-\(UUID()).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let bytes = try SafetensorsWriter.encoded([tensor: Tensor([1, 2], shape: [1, 2])])
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    #expect { _ = try LoRA(at: path) } throws: { "\($0)".contains(name) }
  }
}
