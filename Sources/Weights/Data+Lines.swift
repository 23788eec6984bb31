import Foundation

extension Data {
  /// The lines of a text, without the ends that Unix or Windows gives them.
  package var lines: [Substring] {
    // Swift takes "\r\n" for one character.
    String(decoding: self, as: UTF8.self).split(
      omittingEmptySubsequences: false, whereSeparator: { $0 == "\n" || $0 == "\r\n" })
  }
}
