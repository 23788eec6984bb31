import CKernels

/// Number format of the heavy products. Activations are f32 in memory in any case.
public enum Precision: String, Sendable, CaseIterable {
  /// bf16 where the CPU multiplies it faster than f32, else f32.
  case auto
  case f32
  /// Products of bf16 values summed in f32, in 3x3 convolutions of 16-bit integers, which are as fast and rounded less; slow,
  /// but right, where the CPU has no such instructions.
  case bf16
  /// As `auto`, with matrix products of 8-bit integers: a tenth to a fifth less time, at twice the error.
  case int8
}

/// Which kernel serves which layer, decided here and nowhere else: from shape, precision and memory.
public struct KernelPolicy: Sendable {
  public var precision: Precision
  /// Largest `inputs x outputs` of a 3x3 convolution that is computed by Winograd's F(4x4, 3x3), which takes four times the
  /// memory of its weights; wider ones take F(2x2, 3x3), 1.8 times. 0: no Winograd at all.
  public var winogradLimit: Int
  /// Where packed weights are kept; nil: nowhere.
  public var cache: PackCache?

  public init(precision: Precision = .auto, winogradLimit: Int = 1920 * 640, cache: PackCache? = nil) {
    self.precision = precision
    self.winogradLimit = winogradLimit
    self.cache = cache
  }

  /// Whether products are of 16 bits: bf16 values in attention, integers in 3x3 convolutions.
  public var isHalf: Bool { precision == .bf16 || precision != .f32 && ldm_cpu_has_bf16() }

  var matrices: ProductFormat { precision == .int8 ? .int8 : isHalf ? .bf16 : .f32 }

  /// The same policy in f32: for small networks whose errors would spread (the text encoders).
  public var exact: KernelPolicy {
    KernelPolicy(precision: .f32, winogradLimit: winogradLimit, cache: cache)
  }

  /// The same without 8-bit integers: for layers that cost little and whose errors reach everything, and for the autoencoder.
  public var fine: KernelPolicy {
    KernelPolicy(precision: precision == .int8 ? .auto : precision, winogradLimit: winogradLimit, cache: cache)
  }

  /// The same with F(4x4, 3x3) however wide a layer: for large maps, which repay its weights' memory.
  public var roomy: KernelPolicy {
    KernelPolicy(precision: precision, winogradLimit: winogradLimit > 0 ? .max : 0, cache: cache)
  }

  enum Convolution { case winograd(ldm_winograd_kind), product, patches }

  func convolution(inputs: Int, outputs: Int, kernel: Int, stride: Int, padding: Padding) -> Convolution {
    if kernel == 1 && stride == 1 && padding == .same(0) { return .product }
    let fits = kernel == 3 && stride == 1 && padding == .same(1)
    // Below 8 inputs the transforms cost more than the products saved.
    guard fits && inputs >= 8 && winogradLimit > 0 else { return .patches }
    let tile: Int32 = inputs * outputs <= winogradLimit ? 4 : 2
    return .winograd(ldm_winograd_kind(tile: tile, int16: isHalf))
  }

  /// Of convolutions as products of patches: never 8-bit integers, since they are few and everything passes them.
  var patches: ProductFormat { fine.matrices }
}

/// Zeros around a map, in pixels.
public struct Padding: Sendable, Equatable {
  public let top, left, bottom, right: Int

  public init(top: Int, left: Int, bottom: Int, right: Int) {
    self.top = top
    self.left = left
    self.bottom = bottom
    self.right = right
  }

  public static func same(_ width: Int) -> Padding { Padding(top: width, left: width, bottom: width, right: width) }
}
