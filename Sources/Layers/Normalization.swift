import CKernels
import Tensors

/// Group normalisation (Wu & He 2018, arXiv 1803.08494) of maps `[N, H, W, C]`: mean and variance over a group's
/// channels and all pixels; then scale and shift by channel.
public struct GroupNorm: Sendable {
  private let weight, bias: Tensor
  private let groups: Int
  private let epsilon: Float

  public init(_ p: Parameters, channels: Int, groups: Int, epsilon: Float) throws {
    self.init(
      weight: try p.tensor("weight", [channels]), bias: try p.tensor("bias", [channels]), groups: groups,
      epsilon: epsilon)
  }

  public init(weight: Tensor, bias: Tensor, groups: Int, epsilon: Float) {
    precondition(groups > 0 && weight.count % groups == 0, "\(weight.count) channels in \(groups) groups")
    (self.weight, self.bias, self.groups, self.epsilon) = (weight, bias, groups, epsilon)
  }

  /// The same norm with another scale and shift of channels, `w (1 + s)` and `b (1 + s) + t`: adaptive group norm (Dhariwal &
  /// Nichol 2021, arXiv:2105.05233, sec. 3).
  ///
  /// - Parameter change: s, then t: `[1, 2 channels]`.
  public func adapted(by change: Tensor) -> GroupNorm {
    let channels = weight.count
    precondition(change.shape == [1, 2 * channels], "a change \(change.shape) of \(channels) channels")
    let scale = change.slice(axis: 1, 0..<channels).reshaped([channels]) + 1
    let shift = change.slice(axis: 1, channels..<(2 * channels)).reshaped([channels])
    return GroupNorm(weight: weight * scale, bias: bias * scale + shift, groups: groups, epsilon: epsilon)
  }

  /// Written into `x`'s memory where nothing else holds it. Within `GroupStatistics`, normalised by those.
  ///
  /// - Parameter silu: applies x σ(x) in the same pass.
  public func callAsFunction(_ x: consuming Tensor, silu: Bool = false) -> Tensor {
    let channels = weight.count
    precondition(x.shape.last == channels, "group norm of \(channels) channels applied to \(x.shape)")
    let n = x.shape[0]
    if x.isShared {
      return Tensor(shape: x.shape) { out in
        x.withBase { write(out.baseAddress!, $0, n, out.count / n / channels, silu) }
      }
    }
    x.withMutableElements { write($0.baseAddress!, $0.baseAddress!, n, $0.count / n / channels, silu) }
    return x
  }

  private func write(
    _ out: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, _ n: Int, _ pixels: Int, _ silu: Bool
  ) {
    func normalize(_ moments: UnsafeMutablePointer<Float>?, given: Bool) {
      weight.withBase { weight in
        bias.withBase {
          ldm_group_norm(
            out, x, weight, $0, n, pixels, self.weight.count, groups, epsilon, silu, moments, given)
        }
      }
    }
    if let statistics = GroupStatistics.current {
      statistics.take(2 * n * groups) { normalize($0, given: $1) }
    } else {
      normalize(nil, given: false)
    }
  }
}

/// Layer normalisation (Ba et al. 2016, arXiv 1607.06450) over the last axis.
public struct LayerNorm: Sendable {
  private let weight, bias: Tensor
  private let epsilon: Float

  public init(_ p: Parameters, width: Int, epsilon: Float = 1e-5) throws {
    self.init(weight: try p.tensor("weight", [width]), bias: try p.tensor("bias", [width]), epsilon: epsilon)
  }

  public init(weight: Tensor, bias: Tensor, epsilon: Float) {
    (self.weight, self.bias, self.epsilon) = (weight, bias, epsilon)
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    let width = weight.count
    precondition(x.shape.last == width, "layer norm of \(width) applied to \(x.shape)")
    return Tensor(shape: x.shape) { out in
      x.withBase { x in
        weight.withBase { weight in
          bias.withBase { bias in
            ldm_layer_norm(out.baseAddress!, x, weight, bias, out.count / width, width, epsilon)
          }
        }
      }
    }
  }
}
