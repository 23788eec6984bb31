import CKernels
import Tensors

/// What an adaptation adds to a layer of weights W `[outputs, inputs, ...]`, all read as matrices `[outputs, columns]`.
///
/// - LoRA (Hu et al. 2021, arXiv:2106.09685) and LoCon: (α/r) B A; with a core C, A becomes C A over its input channels.
/// - LoHa (Hyeon-Woo et al. 2021, arXiv:2108.06098; LyCORIS, Yeh et al. 2023, arXiv:2309.14859): (α/r) (B₁A₁) ⊙ (B₂A₂).
/// - LoKr (LyCORIS): (α/r) K₁ ⊗ K₂, each whole or a product; without α/r where both are whole.
/// - DoRA (Liu et al. 2024, arXiv:2402.09353) on top of any: W + Δ with its rows, or the columns of its input channels, at the
///   lengths that the file gives.
/// - Those that go by W itself: LoRA+Products.swift.
extension LoRA.Module {
  /// Whether all that a kind needs is there.
  var isWhole: Bool { changesBias || changesWeight }

  var changesWeight: Bool {
    func has(_ roles: LoRA.Role...) -> Bool { roles.allSatisfy { tensors[$0] != nil } }
    return has(.down, .up) || has(.hada1A, .hada1B, .hada2A, .hada2B) || has(.difference)
      || (has(.kron1) || has(.kron1A, .kron1B)) && (has(.kron2) || has(.kron2A, .kron2B))
      || has(.gloraA1, .gloraA2, .gloraB1, .gloraB2) || has(.rotation) || has(.scale) && scalesInputs != nil
  }

  var changesBias: Bool { tensors[.biasDifference] != nil }

  /// b ← b + s δ.
  func add(toBias bias: inout Tensor, _ strength: Double, _ file: String, _ name: String) throws(WeightsError) {
    guard let difference = tensors[.biasDifference] else { return }
    guard difference.count == bias.count else {
      throw .adapter(
        file: file,
        why: "\(name) holds \(difference.shape) for a bias of \(bias.count); it is for another family")
    }
    bias = bias + Float(strength) * difference.tensor().reshaped(bias.shape)
  }

  /// W ← W + s Δ; with lengths W ← W + s (W' - W), W' what DoRA makes of W + Δ.
  ///
  /// - Throws: `WeightsError.adapter` where the shapes do not fit.
  func add(
    to weight: inout Tensor, shape: [Int], _ strength: Double, _ file: String, _ name: String
  ) throws(WeightsError) {
    let outputs = shape.first ?? 0
    let columns = outputs > 0 ? weight.count / outputs : 0
    func misfit() -> WeightsError {
      let shapes = tensors.values.map { "\($0.shape)" }.sorted().joined(separator: ", ")
      return .adapter(
        file: file, why: "\(name) holds \(shapes), the model's layer is \(shape); it is for another family")
    }
    if let change = product(with: weight, outputs, columns, strength, inputs: shape.count > 1 ? shape[1] : 1) {
      guard change.count == weight.count else { throw misfit() }
      weight = weight + change.reshaped(weight.shape)
      return
    }
    let lengths = tensors[.lengths].map { $0.tensor() }
    var sum = weight
    guard outputs > 0, addDelta(to: &sum, outputs, columns, lengths == nil ? strength : 1) else { throw misfit() }
    guard let lengths, let form = tensors[.lengths]?.shape else {
      weight = sum
      return
    }
    let inputs = shape.count > 1 ? shape[1] : 1
    let isByOutput = form.first == outputs && lengths.count == outputs
    guard isByOutput || lengths.count == inputs else { throw misfit() }
    Self.stretch(&sum, to: lengths, outputs, isByOutput ? 1 : inputs)
    weight = strength == 1 ? sum : weight + Float(strength) * (sum - weight)
  }

  /// s α/r; s where no α or no rank is known.
  func factor(_ rank: Int?, _ strength: Double) -> Float {
    Float(strength * (rank.flatMap { r in alpha.map { $0 / Double(r) } } ?? 1))
  }

  /// - Returns: false where the shapes do not fit.
  private func addDelta(to sum: inout Tensor, _ outputs: Int, _ columns: Int, _ strength: Double) -> Bool {
    func factor(_ rank: Int?) -> Float { self.factor(rank, strength) }
    if let up = tensors[.up], let down = tensors[.down] {
      guard let (b, a, rank) = pair(up, down, core: tensors[.middle], transposes: false) else { return false }
      guard b.count == outputs * rank, a.count == rank * columns else { return false }
      Self.multiply(b * factor(rank), a, rank, onto: &sum)
      return true
    }
    if let b1 = tensors[.hada1A], let a1 = tensors[.hada1B], let b2 = tensors[.hada2A], let a2 = tensors[.hada2B] {
      guard let first = product(b1, a1, core: tensors[.hada1Core], outputs, columns),
        let second = product(b2, a2, core: tensors[.hada2Core], outputs, columns)
      else { return false }
      let factor = factor(a1.shape.first)
      sum.withMutableElements { out in
        first.withElements { a in second.withElements { b in for i in out.indices { out[i] += factor * a[i] * b[i] } } }
      }
      return true
    }
    guard let first = kroneckerFactor(tensors[.kron1], tensors[.kron1A], tensors[.kron1B], core: nil),
      let second = kroneckerFactor(tensors[.kron2], tensors[.kron2A], tensors[.kron2B], core: tensors[.kron2Core]),
      first.rows * second.rows == outputs, first.values.count * second.values.count == outputs * columns
    else { return false }
    let factor = factor(tensors[.kron2B]?.shape.first ?? tensors[.kron1B]?.shape.first)
    Self.addKronecker(first, second, factor, to: &sum)
    return true
  }

  /// B `[m, r]`, A `[r, n]`, and r; nil where there is none.
  ///
  /// - Parameter transposes: with a core, B is stored as `[r, m]`.
  func pair(
    _ b: WeightTensor, _ a: WeightTensor, core: WeightTensor?, transposes: Bool
  ) -> (b: Tensor, a: Tensor, rank: Int)? {
    guard let inner = a.shape.first, inner > 0, a.count > 0, b.count > 0 else { return nil }
    guard let core else { return b.count % inner == 0 ? (b.tensor(), a.tensor(), inner) : nil }
    guard core.shape.count > 1, core.shape[1] == inner, core.shape[0] > 0, b.count % core.shape[0] == 0 else {
      return nil
    }
    let rank = core.shape[0]
    let left = transposes ? Self.transposed(b.tensor(), rows: rank) : b.tensor()
    return (left, Self.product(core.tensor(), a.tensor(), rank, inner), rank)
  }

  private func product(
    _ b: WeightTensor, _ a: WeightTensor, core: WeightTensor?, _ outputs: Int, _ columns: Int
  ) -> Tensor? {
    guard let (b, a, rank) = pair(b, a, core: core, transposes: true), b.count == outputs * rank,
      a.count == rank * columns
    else { return nil }
    var result = Tensor(zeros: [outputs, columns])
    Self.multiply(b, a, rank, onto: &result)
    return result
  }

  private func kroneckerFactor(
    _ whole: WeightTensor?, _ b: WeightTensor?, _ a: WeightTensor?, core: WeightTensor?
  ) -> (values: Tensor, rows: Int)? {
    if let whole {
      guard let rows = whole.shape.first, whole.count > 0 else { return nil }
      return (whole.tensor(), rows)
    }
    guard let b, let a, let (left, right, rank) = pair(b, a, core: core, transposes: true) else { return nil }
    var values = Tensor(zeros: [left.count / rank, right.count / rank])
    Self.multiply(left, right, rank, onto: &values)
    return (values, left.count / rank)
  }
}

extension LoRA.Module {
  /// sum += b `[m, k]` a `[k, n]`.
  static func multiply(_ b: Tensor, _ a: Tensor, _ k: Int, onto sum: inout Tensor) {
    let (m, n) = (b.count / k, a.count / k)
    let packed = Tensor(shape: [ldm_packed_size(k, n)]) { out in
      a.withElements { ldm_pack(out.baseAddress!, $0.baseAddress!, k, n, n, 1) }
    }
    sum.withMutableElements { out in
      b.withElements { b in
        packed.withElements { packed in
          var product = ldm_product(
            c: out.baseAddress!, a: b.baseAddress!, packed: packed.baseAddress!, bias: nil, ldc: n, lda: k, m: m, n: n,
            k: k, accumulate: true, geglu: false)
          precondition(ldm_gemm_f32(&product), "no memory for a product's scratch")
        }
      }
    }
  }

  /// C `[r, q, h, w]`, A `[q, inputs]` → `[r, inputs, h, w]`.
  private static func product(_ core: Tensor, _ a: Tensor, _ rank: Int, _ inner: Int) -> Tensor {
    let (inputs, area) = (a.count / inner, core.count / (rank * inner))
    let rows = Tensor(shape: [rank * area, inner]) { out in
      core.withElements { core in
        for row in 0..<(rank * area) {
          for m in 0..<inner { out[row * inner + m] = core[(row / area * inner + m) * area + row % area] }
        }
      }
    }
    var sums = Tensor(zeros: [rank * area, inputs])
    multiply(rows, a, inner, onto: &sums)
    return Tensor(shape: [rank, inputs, area]) { out in
      sums.withElements { sums in
        for row in 0..<(rank * area) {
          for j in 0..<inputs { out[(row / area * inputs + j) * area + row % area] = sums[row * inputs + j] }
        }
      }
    }
  }

  private static func transposed(_ x: Tensor, rows: Int) -> Tensor {
    let columns = x.count / rows
    return Tensor(shape: [columns, rows]) { out in
      x.withElements { x in
        for row in 0..<rows { for column in 0..<columns { out[column * rows + row] = x[row * columns + column] } }
      }
    }
  }

  /// sum += f K₁ ⊗ K₂.
  private static func addKronecker(
    _ first: (values: Tensor, rows: Int), _ second: (values: Tensor, rows: Int), _ factor: Float, to sum: inout Tensor
  ) {
    let (inner, outer) = (second.values.count / second.rows, first.values.count / first.rows)
    sum.withMutableElements { out in
      first.values.withElements { a in
        second.values.withElements { b in
          for row in 0..<(first.rows * second.rows) {
            let source = b.baseAddress! + row % second.rows * inner
            for column in 0..<outer {
              let target = out.baseAddress! + (row * outer + column) * inner
              let weight = factor * a[row / second.rows * outer + column]
              for i in 0..<inner { target[i] += weight * source[i] }
            }
          }
        }
      }
    }
  }

  /// Gives each row of `x` `[outputs, ...]` the length of its own in `lengths`; or, of `inputs` columns each, all that belongs
  /// to an input channel.
  private static func stretch(_ x: inout Tensor, to lengths: Tensor, _ outputs: Int, _ inputs: Int) {
    let columns = x.count / outputs
    let area = columns / inputs
    let isByOutput = inputs == 1 && lengths.count == outputs
    func group(_ row: Int, _ column: Int) -> Int { isByOutput ? row : column / area }
    var squares = Array(repeating: 0.0, count: lengths.count)
    x.withElements { x in
      for row in 0..<outputs {
        for column in 0..<columns {
          squares[group(row, column)] += Double(x[row * columns + column] * x[row * columns + column])
        }
      }
    }
    let factors = lengths.withElements { lengths in
      zip(lengths, squares).map { Float(Double($0) / ($1.squareRoot() + Double(Float.ulpOfOne))) }
    }
    x.withMutableElements { x in
      for row in 0..<outputs { for column in 0..<columns { x[row * columns + column] *= factors[group(row, column)] } }
    }
  }
}
