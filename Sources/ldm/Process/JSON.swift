import Foundation

/// What `--json`, `--report` and `--progress json` write. Numbers as they are meant, not as a double prints.
indirect enum JSON {
  case string(String)
  case integer(Int)
  case unsigned(UInt64)
  case number(Double, digits: Int)
  case bool(Bool)
  case null
  case array([JSON])
  /// In the order given.
  case object([(String, JSON)])

  /// A string without quotes; the rest as JSON.
  var plainText: String {
    if case .string(let value) = self { return value }
    return text
  }

  var text: String {
    switch self {
    case .string(let value): Self.quoted(value)
    case .integer(let value): "\(value)"
    case .unsigned(let value): "\(value)"
    case .number(let value, let digits):
      value.isFinite ? String(format: "%.\(digits)f", locale: Locale(identifier: "en_US_POSIX"), value) : "null"
    case .bool(let value): value ? "true" : "false"
    case .null: "null"
    case .array(let values): "[" + values.map(\.text).joined(separator: ", ") + "]"
    case .object(let fields): Self.braced(fields)
    }
  }

  /// A field for a name, which is bytes: what is not UTF-8 is replaced in it, and a second field, KEY_base64, has it whole.
  static func name(_ key: String, _ bytes: [UInt8]) -> [(String, JSON)] {
    let isText = String(validating: bytes, as: UTF8.self) != nil
    let whole: [(String, JSON)] = isText ? [] : [("\(key)_base64", .string(Data(bytes).base64EncodedString()))]
    return [(key, .string(String(decoding: bytes, as: UTF8.self)))] + whole
  }

  private static func braced(_ fields: [(String, JSON)]) -> String {
    "{" + fields.map { "\(quoted($0.0)): \($0.1.text)" }.joined(separator: ", ") + "}"
  }

  private static func quoted(_ text: String) -> String {
    text.unicodeScalars.reduce(into: "\"") { result, scalar in
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case _ where scalar.value < 0x20: result += String(format: "\\u%04x", scalar.value)
      default: result.unicodeScalars.append(scalar)
      }
    } + "\""
  }
}
