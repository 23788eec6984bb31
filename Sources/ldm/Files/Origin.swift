import Foundation

/// What a result is made of: as words tell it, and as programs are told.
struct Origin: Sendable, CustomStringConvertible {
  /// For messages: one line.
  let description: String
  /// The file's name, "-" or the prompt, to the byte.
  private let name: [UInt8]
  /// Which picture of a source that holds several, from 1.
  private let picture: Int

  init(_ source: Source, picture: Int = 1) {
    description = picture == 1 ? "\(source)" : "\(source), picture \(picture)"
    name = source.bytes
    self.picture = picture
  }

  init(prompt: String) {
    description = "\"\(prompt)\""
    name = Array(prompt.utf8)
    picture = 1
  }

  /// "in", and "picture" from the second on.
  var fields: [(String, JSON)] { fields(called: "in") }

  /// KEY, and "picture".
  func fields(called key: String) -> [(String, JSON)] {
    JSON.name(key, name) + (picture > 1 ? [("picture", .integer(picture))] : [])
  }
}
