import Foundation

/// A file's name: bytes, as the system has them, UTF-8 or not.
struct FileName: Hashable, Sendable, CustomStringConvertible {
  var bytes: [UInt8]

  init(bytes: [UInt8]) { self.bytes = bytes }
  init(_ argument: String) { bytes = Arguments.bytes(of: argument) }

  /// For messages: one line, whatever the name holds.
  var description: String {
    String(decoding: bytes, as: UTF8.self).unicodeScalars.reduce(into: "") { text, scalar in
      if scalar.value < 0x20 || scalar.value == 0x7f {
        text += scalar == "\n" ? "\\n" : "\\x" + String(scalar.value, radix: 16)
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
  }

  /// Calls `body` with the name as the system's calls want it.
  func withPath<R>(_ body: (UnsafePointer<CChar>) -> R) -> R {
    (bytes + [0]).withUnsafeBufferPointer { buffer in
      buffer.withMemoryRebound(to: CChar.self) { body($0.baseAddress!) }
    }
  }

  private static let slash = UInt8(ascii: "/")
  private static let dot = UInt8(ascii: ".")

  /// What stands after the last slash.
  var last: [UInt8] {
    let end = bytes.lastIndex { $0 != Self.slash }.map { $0 + 1 } ?? 0
    return Array(bytes[..<end].split(separator: Self.slash).last ?? [])
  }

  /// `last` without its suffix; a leading dot starts no suffix.
  var stem: [UInt8] {
    let name = last
    guard let dot = name.lastIndex(of: Self.dot), dot > 0 else { return name }
    return Array(name[..<dot])
  }

  /// What stands after the last dot of `last`.
  var suffix: String? {
    let name = last
    guard let dot = name.lastIndex(of: Self.dot), dot > 0 else { return nil }
    return String(decoding: name[(dot + 1)...], as: UTF8.self)
  }

  /// The folder that holds it.
  var folder: FileName {
    guard let slash = bytes.lastIndex(of: Self.slash) else { return FileName(bytes: [Self.dot]) }
    return FileName(bytes: slash == 0 ? [Self.slash] : Array(bytes[..<slash]))
  }

  func appending(_ name: [UInt8]) -> FileName {
    FileName(bytes: bytes.last == Self.slash || bytes.isEmpty ? bytes + name : bytes + [Self.slash] + name)
  }

  /// nil where nothing is there, or may not be looked at. Links are followed.
  var status: stat? {
    var result = stat()
    return withPath { stat($0, &result) } == 0 ? result : nil
  }

  /// Without the slashes that a folder's name may end in; the root is what it is.
  var trimmed: FileName {
    let name = Array(bytes.reversed().drop { $0 == Self.slash }.reversed())
    return name.isEmpty ? self : FileName(bytes: name)
  }

  /// Itself, or the nearest folder above it that is there.
  var nearestThere: FileName {
    var name = self
    while name.status == nil, name.trimmed.folder != name { name = name.trimmed.folder }
    return name
  }
}

extension stat {
  var isRegular: Bool { st_mode & S_IFMT == S_IFREG }
  var isFolder: Bool { st_mode & S_IFMT == S_IFDIR }
}

/// Which file it is, whatever it is called.
struct FileIdentity: Hashable, Sendable {
  private let device: dev_t
  private let node: ino_t

  init(_ status: stat) { (device, node) = (status.st_dev, status.st_ino) }
}
