/// SplitMix64 (Steele et al. 2014, "Fast splittable pseudorandom number generators", doi:10.1145/2660193.2660195).
package struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  /// By how much the state grows from one number to the next.
  static let step: UInt64 = 0x9E37_79B9_7F4A_7C15

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= Self.step
    return Self.mixed(state)
  }

  /// A number that differs in half of its bits for states a step apart.
  static func mixed(_ state: UInt64) -> UInt64 {
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
