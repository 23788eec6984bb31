import Foundation

/// Operands are bytes, option parsing works on text: each argument travels as text from which its bytes can be had back.
enum Arguments {
  /// A byte that is not part of well-formed UTF-8 becomes the scalar U+10FF00 + byte (private use). Scalars of that block
  /// which were there already are taken apart in the same way, so that no two arguments become one.
  private static let escape: ClosedRange<UInt32> = 0x10ff00...0x10ffff

  /// The process's arguments without its name.
  static func ofProcess() -> [String] {
    (1..<max(Int(CommandLine.argc), 1)).map { index in
      guard let argument = CommandLine.unsafeArgv[index] else { return "" }
      let count = strlen(argument)
      return text(of: UnsafeRawBufferPointer(start: argument, count: count).map { $0 })
    }
  }

  static func text(of bytes: [UInt8]) -> String {
    var result = String.UnicodeScalarView()
    var rest = bytes[...]
    while let first = rest.first {
      let length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
      let head = rest.prefix(length)
      if let scalar = String(validating: head, as: UTF8.self)?.unicodeScalars.first, !escape.contains(scalar.value) {
        result.append(scalar)
        rest = rest.dropFirst(length)
      } else {
        result.append(Unicode.Scalar(escape.lowerBound + UInt32(first))!)
        rest = rest.dropFirst()
      }
    }
    return String(result)
  }

  static func bytes(of text: String) -> [UInt8] {
    text.unicodeScalars.flatMap { scalar in
      escape.contains(scalar.value) ? [UInt8(scalar.value - escape.lowerBound)] : Array(String(scalar).utf8)
    }
  }

  /// An argument that is words, not a file's name: what is not UTF-8 in it is replaced.
  static func words(_ argument: String) -> String { String(decoding: bytes(of: argument), as: UTF8.self) }
}
