import COneDNN

/// Number format of the heavy products.
public enum Precision: String, Sendable, CaseIterable {
  /// f32: on the CPUs measured so far f32 Winograd beats bf16 direct convolution and is more accurate.
  case auto
  case f32
  /// Products of bf16 values summed in f32; f32 where the CPU has no such instructions.
  case bf16
}

/// Which kernel serves which layer, decided here and nowhere else: from shape, precision and memory.
public struct KernelPolicy: Sendable {
  public var precision: Precision
  /// Largest `inputs x outputs` of a 3x3 convolution that is packed for Winograd, which takes four times the memory
  /// of its weights. The default spends it where a network's maps are large and its layers narrow: SD 1.5's two upper
  /// levels (two thirds of the products, a sixth of the weights).
  public var winogradLimit: Int

  public init(precision: Precision = .auto, winogradLimit: Int = 1920 * 640) {
    self.precision = precision
    self.winogradLimit = winogradLimit
  }

  enum Convolution { case winograd, product, direct }

  func convolution(inputs: Int, outputs: Int, kernel: Int, stride: Int, padding: Padding) -> Convolution {
    if kernel == 1 && stride == 1 && precision != .bf16 { return .product }
    let fits = kernel == 3 && stride == 1 && padding == .same(1)
    // Below 8 channels the transforms cost more than the products saved.
    return fits && min(inputs, outputs) >= 8 && inputs * outputs <= winogradLimit ? .winograd : .direct
  }

  var dnnType: ldm_dnn_type { precision == .bf16 ? LDM_DNN_BF16 : LDM_DNN_F32 }
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
