import Tensors
import Weights

/// What a layer is made from: its weights, asked for by name and shape, and the policy by which it packs them.
public struct Parameters: Sendable {
  public let weights: Weights
  public let policy: KernelPolicy

  public init(_ weights: Weights, _ policy: KernelPolicy = KernelPolicy()) {
    self.weights = weights
    self.policy = policy
  }

  /// The parameters under `scope`.
  public subscript(_ scope: String) -> Parameters { Parameters(weights[scope], policy) }

  func tensor(_ name: String, _ shape: [Int]) throws -> Tensor { try weights.tensor(name, shape).tensor() }
}
