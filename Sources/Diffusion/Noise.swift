/// A sequential source of standard normal numbers: the order of draws is part of a picture, so there is one for each.
public struct Noise: Sendable {
  public enum Generator: String, Sendable, CaseIterable {
    /// PyTorch's CPU generator; it uses the seed's low 32 bits.
    case torch
    /// PyTorch's CUDA generator, as NVIDIA cards draw tensors of up to about 100,000 elements.
    case philox
  }

  private enum Source: Sendable {
    case torch(TorchGenerator)
    case philox(PhiloxGenerator)
    case recorded([Tensor])
  }

  private var source: Source

  public init(seed: UInt64, generator: Generator = .torch) {
    source =
      switch generator {
      case .torch: .torch(TorchGenerator(seed: seed))
      case .philox: .philox(PhiloxGenerator(seed: seed))
      }
  }

  /// Gives out these tensors one after another: for comparing with a reference's own draws.
  public init(recorded: [Tensor]) { source = .recorded(recorded) }

  /// The next draw of the stream, of `shape`.
  public mutating func callAsFunction(_ shape: [Int]) -> Tensor {
    switch source {
    case .torch(var generator):
      defer { source = .torch(generator) }
      return Tensor(generator.normal(shape.reduce(1, *)), shape: shape)
    case .philox(var generator):
      defer { source = .philox(generator) }
      return Tensor(generator.normal(shape.reduce(1, *)), shape: shape)
    case .recorded(let tensors):
      precondition(!tensors.isEmpty && tensors[0].shape == shape, "no recorded draw of shape \(shape) is left")
      source = .recorded(Array(tensors.dropFirst()))
      return tensors[0]
    }
  }
}
