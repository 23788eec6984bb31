import CKernels
import Testing

@Suite struct ChecksumTests {
  /// What the reference implementation gives.
  @Test(
    arguments: [
      ([], 0, 0xef46_db37_51d8_e999), (Array("abc".utf8), 0, 0x44bc_2cf5_ad77_0999),
      (Array("xxhash".utf8), 20_141_025, 0xb559_b98d_844e_0635), (Array(0...100), 7, 0xe878_e979_1dbc_64fa),
    ] as [([UInt8], UInt64, UInt64)])
  func isXXH64(bytes: [UInt8], seed: UInt64, hash: UInt64) {
    #expect(bytes.withUnsafeBytes { ldm_hash($0.baseAddress, $0.count, seed) } == hash)
  }

  @Test func everyPieceOfALargeBlockCounts() {
    var bytes = [UInt8](repeating: 7, count: 5 << 20 | 3)
    func sum() -> UInt64 { bytes.withUnsafeBytes { ldm_checksum($0.baseAddress, $0.count) } }
    let whole = sum()
    for place in [0, 1 << 20, 3 << 20 | 12345, bytes.count - 1] {
      bytes[place] ^= 1
      #expect(sum() != whole)
      bytes[place] ^= 1
    }
    bytes.swapAt(0, 1)
    #expect(sum() == whole)
  }
}
