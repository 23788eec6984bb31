import Tensors
import Weights

/// What a layer is made from: its weights, asked for by name and shape, the policy by which it packs them, and where they
/// may lie packed.
public struct Parameters: Sendable {
  public let weights: Weights
  public let policy: KernelPolicy
  private let packs: PartPacks?

  public init(_ weights: Weights, _ policy: KernelPolicy = KernelPolicy(), packs: PartPacks? = nil) {
    self.weights = weights
    self.policy = policy
    self.packs = packs
  }

  /// The parameters under `scope`.
  public subscript(_ scope: String) -> Parameters { Parameters(weights[scope], policy, packs: packs) }

  /// The same in f32: see `KernelPolicy.exact`.
  public var exact: Parameters { Parameters(weights, policy.exact, packs: packs) }

  /// The same without 8-bit integers: see `KernelPolicy.fine`.
  public var fine: Parameters { Parameters(weights, policy.fine, packs: packs) }

  /// The same for large maps: see `KernelPolicy.roomy`.
  public var roomy: Parameters { Parameters(weights, policy.roomy, packs: packs) }

  func tensor(_ name: String, _ shape: [Int]) throws -> Tensor { try weights.tensor(name, shape).tensor() }

  /// `weight` as a kernel wants it, from the cache where it is there.
  func packed(_ weight: PendingTensor, _ layout: PackLayout) throws -> PackedMemory {
    try packs?.memory(weight, layout) ?? PackedMemory(weight.values(), layout)
  }
}
