import Images
import Testing

@Suite struct DamageTests {
  static let files: [(ImageFormat, [UInt8])] = ImageFormat.allCases.map { format in
    (format, try! Pictures.pattern(width: 19, height: 13, alpha: format != .jpeg).encoded(as: format))
  }

  /// No picture is half there.
  @Test(arguments: files)
  func everyTruncationIsAnError(format: ImageFormat, file: [UInt8]) {
    for count in file.indices {
      #expect(throws: ImageError.self, "\(count) of \(file.count) bytes") {
        _ = try Image(decoding: Array(file.prefix(count)))
      }
    }
  }

  /// Any one byte wrong: an error, or a picture; never a crash, and never more memory than the limit allows.
  @Test(arguments: files, [1, 0x80, 0xff] as [UInt8])
  func everyFlippedByteIsSurvived(kind: (format: ImageFormat, file: [UInt8]), flip: UInt8) {
    for place in kind.file.indices {
      var file = kind.file
      file[place] ^= flip
      do {
        let image = try Image(decoding: file, maximumPixels: 4096)
        #expect(image.width * image.height <= 4096)
      } catch {
        #expect(!"\(error)".contains("\n"))
      }
      _ = try? ImageHeader(of: file)
    }
  }

  static let huge: [[UInt8]] = [
    Array("P6\n100000 100000\n255\n".utf8), Array("P1\n70000 70000\n".utf8),
    Array("P5\n9223372036854775807 9223372036854775807\n255\n".utf8),
    Array("P7\nWIDTH 4611686018427387904\nHEIGHT 4\nDEPTH 3\nMAXVAL 255\nENDHDR\n".utf8),
  ]

  @Test(arguments: huge)
  func aHeaderCannotAskForMoreThanTheLimit(file: [UInt8]) {
    #expect(throws: ImageError.self) { _ = try Image(decoding: file) }
  }

  @Test(arguments: files)
  func theLimitIsOfPixels(format: ImageFormat, file: [UInt8]) throws {
    _ = try Image(decoding: file, maximumPixels: 19 * 13)
    #expect(throws: ImageError.tooLarge(width: 19, height: 13, limit: 246)) {
      _ = try Image(decoding: file, maximumPixels: 246)
    }
  }

  @Test(arguments: ["", "P", "P8 1 1", "GIF89a", "<svg/>", "RIFF....WAVE", "BM"])
  func otherFormatsAreNamed(text: String) {
    #expect(throws: ImageError.unknownFormat) { _ = try Image(decoding: Array(text.utf8)) }
  }

  @Test(arguments: [
    "P5 0 1 255 x", "P5 1 1 0 x", "P5 1 1 65536 xx", "P5 -1 1 255 x", "P2 1 1 255", "P3 1 1 255 1 2", "P6 2 2 255\n123",
    "P1 2 2 1 0 1", "P1 1 1 2", "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 5\nMAXVAL 255\nENDHDR\n12345", "P7\nWIDTH 1\n", "P5",
  ])
  func damagedNetpbm(text: String) {
    #expect {
      _ = try Image(decoding: Array(text.utf8))
    } throws: { error in
      if case ImageError.damaged(.pnm, _) = error { true } else { false }
    }
  }
}
