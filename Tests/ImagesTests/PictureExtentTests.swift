import Foundation
import Images
import Tensors
import Testing

/// Pictures in a stream end where they end, wherever the bytes are cut on their way.
@Suite struct PictureExtentTests {
  private let image = Image(
    tensor: Tensor(shape: [1, 3, 9, 7]) { out in for i in out.indices { out[i] = Float(i % 17) / 9 - 1 } })

  @Test(arguments: ImageFormat.allCases)
  func anEncodedPictureEndsWithItsBytes(format: ImageFormat) throws {
    let bytes = try image.encoded(as: format)
    var whole = PictureExtent(format)
    #expect(whole.end(in: bytes + bytes) == bytes.count)
    // Byte by byte: not before the last one.
    var growing = PictureExtent(format)
    for count in 0..<bytes.count { #expect(growing.end(in: Array(bytes[..<count])) == nil, "at \(count)") }
    #expect(growing.end(in: bytes) == bytes.count)
  }

  @Test(arguments: [
    ("P4 9 2 ", 4, 11), ("P5\n# wide\n3 2\n255\n", 6, 24), ("P6 2 1 65535\n", 12, 25), ("P2 1 1 9 7", 0, nil),
    ("P7\nWIDTH 2\nHEIGHT 1\nDEPTH 4\nMAXVAL 255\nENDHDR\n", 8, 54),
    ("P7\nWIDTH 9223372036854775807\nHEIGHT 1\nDEPTH 3\nMAXVAL 255\nENDHDR\n", 8, nil),
  ])
  func netpbmHeadersTellTheSize(header: String, samples: Int, length: Int?) {
    var extent = PictureExtent(.pnm)
    #expect(extent.end(in: Array(header.utf8) + Array(repeating: 1, count: samples + 3)) == length)
  }

  /// A camera's file of two pictures, as CIPA DC-007 has it, is one picture of a stream; a stale index is none.
  @Test(arguments: [true, false])
  func aJPEGWithCompanionsIsOnePicture(isThere: Bool) throws {
    let jpeg = try image.encoded(as: .jpeg)
    func number(_ value: Int, _ size: Int) -> [UInt8] { (0..<size).map { UInt8(value >> (8 * $0) & 255) } }
    let segmentSize = 4 + 4 + 8 + 2 + 12 + 4 + 32
    // The second picture's offset counts from the TIFF header, 8 bytes into the segment.
    let offset = jpeg.count + segmentSize - 2 - 8
    let entries =
      number(0, 4) + number(jpeg.count, 4) + number(0, 8) + number(0, 4) + number(jpeg.count, 4)
      + number(offset, 4) + number(0, 4)
    let tiff =
      [0x49, 0x49] + number(42, 2) + number(8, 4) + number(1, 2) + number(0xb002, 2) + number(7, 2)
      + number(32, 4) + number(26, 4) + number(0, 4) + entries
    let body = Array("MPF\0".utf8) + tiff
    let segment = [0xff, 0xe2] + [UInt8((body.count + 2) >> 8), UInt8((body.count + 2) & 255)] + body
    let first = Array(jpeg[..<2]) + segment + Array(jpeg[2...])
    var extent = PictureExtent(.jpeg)
    let next = isThere ? jpeg : Array(repeating: 0, count: jpeg.count)
    #expect(extent.end(in: first + next + jpeg) == first.count + (isThere ? jpeg.count : 0))
  }
}
