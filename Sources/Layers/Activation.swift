import CKernels
import Tensors

/// Elementwise activations.
public enum Activation: String, Sendable {
  case silu
  /// x Φ(x), exact (Hendrycks & Gimpel 2016, arXiv 1606.08415).
  case gelu
  /// x σ(1.702 x): what the first CLIP was trained with.
  case quickGELU = "quick_gelu"

  public func callAsFunction(_ x: Tensor) -> Tensor {
    Tensor(shape: x.shape) { out in
      x.withBase { x in
        switch self {
        case .silu: ldm_silu(out.baseAddress!, x, out.count)
        case .gelu: ldm_gelu(out.baseAddress!, x, out.count)
        case .quickGELU: ldm_quick_gelu(out.baseAddress!, x, out.count)
        }
      }
    }
  }
}

/// value · gelu(gate) of rows `[value | gate]`: `[..., 2 d]` → `[..., d]` (Shazeer 2020, arXiv 2002.05202).
public func geglu(_ x: Tensor) -> Tensor {
  let width = x.shape.last! / 2
  return Tensor(shape: x.shape.dropLast() + [width]) { out in
    x.withBase { ldm_geglu(out.baseAddress!, $0, out.count / width, width) }
  }
}

/// a + b, over the thread team.
public func sum(_ a: Tensor, _ b: Tensor) -> Tensor {
  precondition(a.shape == b.shape, "sum of \(a.shape) and \(b.shape)")
  return Tensor(shape: a.shape) { out in
    a.withBase { a in b.withBase { b in ldm_add(out.baseAddress!, a, b, out.count) } }
  }
}
