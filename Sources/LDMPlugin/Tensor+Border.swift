import CPlugin
import Diffusion

extension Tensor {
  /// A copy of what crossed; nil where there is none, or the shape is none.
  package init?(_ other: ldm_tensor) {
    let shape = withUnsafeBytes(of: other.shape) { $0.bindMemory(to: Int32.self).map(Int.init) }
    guard let data = other.data, (0...4).contains(other.rank) else { return nil }
    let extents = Array(shape.prefix(Int(other.rank)))
    var count = 1
    for extent in extents {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      guard extent >= 0, !overflow, product < 1 << 40 else { return nil }
      count = product
    }
    self.init(shape: extents) { $0.baseAddress!.update(from: data, count: count) }
  }
}

extension ldm_tensor {
  /// Points into `tensor`, which must be kept.
  package init(lending tensor: Tensor) {
    precondition(tensor.shape.count <= 4, "a tensor of shape \(tensor.shape) cannot cross")
    let extents = tensor.shape.map(Int32.init) + Array(repeating: 1, count: 4 - tensor.shape.count)
    self.init(
      data: tensor.withElements { $0.baseAddress }, rank: Int32(tensor.shape.count),
      shape: (extents[0], extents[1], extents[2], extents[3]))
  }
}
