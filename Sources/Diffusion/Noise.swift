/// to be written: see parity notes 1 and 2
public struct Noise: Sendable {
  public enum Generator: String, Sendable, CaseIterable { case torch, philox }
  public init(seed: UInt64, generator: Generator = .torch) {}
  /// Standard normal numbers, the next of the stream.
  public mutating func callAsFunction(_ shape: [Int]) -> Tensor { Tensor(zeros: shape) }
}
public struct NoiseSchedule: Sendable {}
public struct Step: Sendable {}
public enum Spacing: String, Sendable, CaseIterable { case leading, trailing, linspace }
public enum Prediction: String, Sendable, CaseIterable { case epsilon, v, sample }
