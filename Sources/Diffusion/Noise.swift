/// Standard normal numbers, one after another: the n-th draw depends on every draw before it. The order of draws is
/// part of a picture, as it is in PyTorch.
public struct Noise: Sendable {
  public enum Generator: String, Sendable, CaseIterable {
    /// `torch.randn` on the CPU: MT19937, seeded with the low 32 bits of the seed.
    case torch
    /// `torch.randn` on CUDA: Philox4x32-10, all 64 bits of the seed.
    case philox
  }

  private enum Source: Sendable {
    case torch(TorchNormal)
    case philox(PhiloxNormal)
    case recorded([Tensor], next: Int)
    case elsewhere(@Sendable (_ count: Int) -> [Float])
  }

  private var source: Source
  /// Draws so far.
  public private(set) var draws = 0

  public init(seed: UInt64, generator: Generator = .torch) {
    switch generator {
    case .torch: source = .torch(TorchNormal(seed: UInt32(truncatingIfNeeded: seed)))
    case .philox: source = .philox(PhiloxNormal(seed: seed))
    }
  }

  /// Replays `recorded` draws in order. Asking for more, or for another shape, is a programmer's error.
  public init(recorded: [Tensor]) { source = .recorded(recorded, next: 0) }

  /// Numbers that another stream hands out, `count` at a time: a plug-in's are the host's.
  public init(drawing draw: @escaping @Sendable (_ count: Int) -> [Float]) { source = .elsewhere(draw) }

  /// The next draw: a tensor of `shape`.
  public mutating func callAsFunction(_ shape: [Int]) -> Tensor {
    draws += 1
    switch source {
    case .torch(var normal):
      defer { source = .torch(normal) }
      return Tensor(normal.draw(shape.reduce(1, *)), shape: shape)
    case .philox(var normal):
      defer { source = .philox(normal) }
      return Tensor(normal.draw(shape.reduce(1, *)), shape: shape)
    case .recorded(let tensors, let next):
      precondition(next < tensors.count, "only \(tensors.count) draws were recorded")
      precondition(tensors[next].shape == shape, "draw \(next) has shape \(tensors[next].shape), asked for \(shape)")
      source = .recorded(tensors, next: next + 1)
      return tensors[next]
    case .elsewhere(let draw):
      return Tensor(draw(shape.reduce(1, *)), shape: shape)
    }
  }
}
