import Foundation
import Layers
import Testing

/// A folder with a small model of four packed layers, and a cache for it.
struct Shelf: Sendable {
  let folder: URL

  static func with(_ body: (Shelf) throws -> Void) throws {
    let name = "ldm-packs-\(UUID().uuidString)"
    let shelf = Shelf(folder: FileManager.default.temporaryDirectory.appendingPathComponent(name))
    try FileManager.default.createDirectory(at: shelf.folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: shelf.folder) }
    try shelf.write(seed: 1)
    try body(shelf)
  }

  /// One that is asked as another process would.
  func cache(limit: Int = 1 << 30, memory: Int? = nil) -> PackCache {
    PackCache(folder: folder.path + "/cache", limit: limit, smallest: 0, memory: memory)
  }

  var packs: [URL] {
    let all = try? FileManager.default.contentsOfDirectory(
      at: folder.appendingPathComponent("cache"), includingPropertiesForKeys: nil)
    return (all ?? []).filter { $0.pathExtension == "pack" }
  }

  /// On the disk.
  func bytes(_ pack: URL) -> Int {
    var status = stat()
    return stat(pack.path, &status) == 0 ? 512 * Int(status.st_blocks) : 0
  }

  /// Another file under the same name, as a file that is mapped is not to be written to.
  func damage(_ path: URL, _ bytes: Data) throws { try bytes.write(to: path, options: .atomic) }

  func write(seed: UInt64) throws {
    let shapes = [
      "linear.weight": [24, 16], "linear.bias": [24], "gate.weight": [64, 24], "gate.bias": [64],
      "conv.weight": [16, 32, 3, 3], "conv.bias": [16], "point.weight": [8, 16, 1, 1], "point.bias": [8],
    ]
    let tensors = Dictionary(
      uniqueKeysWithValues: shapes.sorted { $0.key < $1.key }.enumerated().map { index, pair in
        (pair.key, random(pair.value, seed: seed + UInt64(index)))
      })
    try Data(SafetensorsWriter.encoded(tensors, as: .f16)).write(to: folder.appendingPathComponent("model.safetensors"))
    let lora = [
      "lora_unet_linear.lora_down.weight": random([2, 16], seed: 50),
      "lora_unet_linear.lora_up.weight": random([24, 2], seed: 51),
    ]
    try Data(SafetensorsWriter.encoded(lora)).write(to: folder.appendingPathComponent("lora.safetensors"))
  }

  /// What the layers make of a fixed map.
  ///
  /// - Parameter strength: of the LoRA; nil without it.
  func output(_ cache: PackCache?, _ precision: Precision = .f32, strength: Double? = nil) throws -> [Float] {
    var weights = try Weights(fileAt: folder.path + "/model.safetensors")
    if let strength {
      let lora = try LoRA(at: folder.path + "/lora.safetensors", strength: strength)
      weights = weights.merging(LoRASet([lora]), part: "unet")
    }
    let policy = KernelPolicy(precision: precision)
    let packs = cache?.packs(of: weights, part: "unet", policy)
    let p = Parameters(weights, policy, packs: packs)
    let linear = try Linear(p["linear"], inputs: 16, outputs: 24)
    let gate = try GEGLU(p["gate"], inputs: 24, width: 32)
    let conv = try Conv2d(p["conv"], inputs: 32, outputs: 16)
    let point = try Conv2d(p["point"], inputs: 16, outputs: 8, kernel: 1)
    packs?.finish()
    func run() -> [Float] { point(conv(gate(linear(random([1, 5, 7, 16], seed: 9))))).elements }
    let result = run()
    // What rests comes back as it was.
    packs?.rest()
    #expect(run() == result)
    return result
  }
}
