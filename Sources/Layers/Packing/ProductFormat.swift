/// What numbers a matrix product multiplies.
enum ProductFormat: Sendable {
  case f32
  /// Rounded to bf16, summed in f32.
  case bf16
  /// Rounded to 8-bit integers, with a scale for each row of activations and each column of weights; summed exactly.
  case int8
}
