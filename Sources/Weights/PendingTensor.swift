import Tensors

/// A tensor that is there and has the right shape, and is not read before its values are asked for.
public struct PendingTensor: Sendable {
  public let name: String
  public let shape: [Int]
  private let tensor: WeightTensor
  /// What LoRAs make of it; nil where none changes it.
  private let merged: (@Sendable () throws(WeightsError) -> Tensor)?

  init(_ tensor: WeightTensor, merged: (@Sendable () throws(WeightsError) -> Tensor)? = nil) {
    (name, shape) = (tensor.name, tensor.shape)
    (self.tensor, self.merged) = (tensor, merged)
  }

  /// Whether LoRAs are merged into it.
  public var isAdapted: Bool { merged != nil }

  /// - Throws: `WeightsError.adapter` for a LoRA that does not fit; nothing where none is merged.
  public func values() throws(WeightsError) -> Tensor { try merged?() ?? tensor.tensor() }
}
