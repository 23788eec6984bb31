import CKernels
import Tensors

/// softmax(q kᵀ / √d) v for each head (Vaswani et al. 2017, arXiv 1706.03762).
///
/// - Parameters:
///   - q: `[N, Tq, heads · d]`; k, v: `[N, Tk, heads · d]`.
///   - causal: a query sees the keys up to its own place.
///   - half: products of bf16 values, sums in f32.
/// - Returns: `[N, Tq, heads · d]`. The score matrix is never stored whole.
public func attention(_ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, causal: Bool = false, half: Bool = false)
  -> Tensor
{
  let (n, queries, width) = (q.shape[0], q.shape[1], q.shape[2])
  let keys = k.shape[1]
  precondition(k.shape == [n, keys, width] && v.shape == k.shape, "attention of \(q.shape) to \(k.shape), \(v.shape)")
  precondition(width % heads == 0, "\(width) channels in \(heads) heads")
  return Tensor(shape: q.shape) { out in
    q.withBase { q in
      k.withBase { k in
        v.withBase { v in
          var call = ldm_attention_call(
            q: q, k: k, v: v, out: out.baseAddress!, batch: n, heads: heads, tq: queries, tk: keys,
            d: width / heads, q_stride: width, k_stride: width, v_stride: width, out_stride: width,
            scale: 1 / Float(width / heads).squareRoot(), causal: causal, half: half)
          precondition(ldm_attend(&call), "no memory for attention's scratch")
        }
      }
    }
  }
}
