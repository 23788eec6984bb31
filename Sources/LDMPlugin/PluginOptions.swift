/// What a user gave a plug-in: `--plugin FILE.so:name=value,...`.
public struct PluginOptions: Sendable {
  private let values: [(name: String, value: String)]

  init(_ values: [(name: String, value: String)]) { self.values = values }

  public subscript(_ name: String) -> String? { values.last { $0.name == name }?.value }

  /// nil where it was not given.
  public func integer(_ name: String, _ range: ClosedRange<Int>) throws(PluginOptionError) -> Int? {
    guard let text = self[name] else { return nil }
    guard let value = Int(text), range.contains(value) else {
      throw PluginOptionError(name: name, found: text, expected: "\(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// nil where it was not given.
  public func number(_ name: String, _ range: ClosedRange<Double>) throws(PluginOptionError) -> Double? {
    guard let text = self[name] else { return nil }
    guard let value = Double(text), range.contains(value) else {
      throw PluginOptionError(name: name, found: text, expected: "\(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }
}

public struct PluginOptionError: Error, Equatable, CustomStringConvertible {
  public var name, found, expected: String

  public var description: String { "\(name)=\(found) is not \(expected)" }
}
