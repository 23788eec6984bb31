import Foundation

/// Where an input comes from.
enum Source: Hashable, Sendable, CustomStringConvertible {
  case standardInput
  case file(FileName)

  init(_ operand: String) { self = operand == "-" ? .standardInput : .file(FileName(operand)) }

  /// What results are called after.
  var fileName: FileName {
    switch self {
    case .standardInput: FileName(bytes: Array("stdin".utf8))
    case .file(let name): name
    }
  }

  /// As programs are told it: the file's name to the byte, or "-".
  var bytes: [UInt8] {
    switch self {
    case .standardInput: Array("-".utf8)
    case .file(let name): name.bytes
    }
  }

  /// Whether reading it waits for nobody.
  var isReady: Bool {
    guard case .file(let name) = self else { return false }
    return name.status?.isRegular ?? true
  }

  /// Which file it is; nil for what is not there, or no regular file.
  var identity: FileIdentity? {
    guard let status, status.isRegular else { return nil }
    return FileIdentity(status)
  }

  private var status: stat? {
    guard case .standardInput = self else { return fileName.status }
    var result = stat()
    return fstat(STDIN_FILENO, &result) == 0 ? result : nil
  }

  var description: String {
    switch self {
    case .standardInput: "standard input"
    case .file(let name): name.description
    }
  }
}
