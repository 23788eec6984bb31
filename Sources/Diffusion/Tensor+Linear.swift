/// Σ factor · tensor, for tensors of one shape: what every sampler's step is.
func linear(_ terms: (Double, Tensor)...) -> Tensor { linear(terms) }

func linear(_ terms: [(Double, Tensor)]) -> Tensor {
  let (factor, first) = terms[0]
  var sum = first * Float(factor)
  for (factor, tensor) in terms.dropFirst() {
    let factor = Float(factor)
    precondition(tensor.shape == first.shape, "shapes \(tensor.shape) and \(first.shape) differ")
    sum.withMutableElements { out in
      tensor.withElements { x in for i in x.indices { out[i] += factor * x[i] } }
    }
  }
  return sum
}
