import Foundation

/// A component's JSON configuration, read key by key; errors name the file and the key.
public struct Config: Sendable {
  public let path: String
  let values: [String: JSONValue]

  /// - Throws: `ConfigError.unreadable`.
  public init(at path: String) throws(ConfigError) {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw .unreadable(file: path, why: "cannot be read")
    }
    try self.init(data, path: path)
  }

  public init(_ data: Data, path: String) throws(ConfigError) {
    do {
      let decoder = JSONDecoder()
      // Python writes NaN and -Infinity: the schedulers of the DPM family do.
      decoder.allowsJSON5 = true
      values = try decoder.decode([String: JSONValue].self, from: data)
    } catch {
      throw .unreadable(file: path, why: "not a JSON object")
    }
    self.path = path
  }

  /// As JSON, keys sorted; numbers that JSON has not are left out.
  public var json: Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try! encoder.encode(values.filter { $0.value.number?.isFinite ?? true })
  }

  /// The same with another config's factor and shift of latents.
  public func scaled(as other: Config) -> Config {
    let keys = ["scaling_factor", "shift_factor"]
    return setting(Dictionary(uniqueKeysWithValues: keys.map { ($0, other.values[$0] ?? .null) }))
  }

  /// The same with other values for some keys; null takes a key away.
  func setting(_ changes: [String: JSONValue]) -> Config {
    Config(path: path, values: values.merging(changes) { $1 }.filter { changes[$0.key] != .null })
  }

  /// Whether the key is there and not null.
  public func has(_ key: String) -> Bool { values[key].map { $0 != .null } ?? false }

  /// Whether null is written for the key.
  public func isNull(_ key: String) -> Bool { values[key] == .null }

  /// An error about the value of `key`.
  public func invalid(_ key: String, _ expected: String) -> ConfigError {
    .value(file: path, key: key, found: values[key]?.description ?? "nothing", expected: expected)
  }

  private func get<T>(_ key: String, _ expected: String, _ read: (JSONValue) -> T?) throws(ConfigError) -> T? {
    guard let value = values[key], value != .null else { return nil }
    guard let result = read(value) else { throw invalid(key, expected) }
    return result
  }

  private func need<T>(_ key: String, _ expected: String, _ value: T?) throws(ConfigError) -> T {
    guard let value else { throw invalid(key, expected) }
    return value
  }

  public func optionalInteger(_ key: String) throws(ConfigError) -> Int? { try get(key, "a whole number", \.integer) }
  public func optionalNumber(_ key: String) throws(ConfigError) -> Double? { try get(key, "a number", \.number) }
  public func optionalString(_ key: String) throws(ConfigError) -> String? { try get(key, "a string", \.string) }
  public func optionalBool(_ key: String) throws(ConfigError) -> Bool? { try get(key, "true or false", \.bool) }
  public func optionalStrings(_ key: String) throws(ConfigError) -> [String]? {
    try get(key, "a list of strings") { $0.list { $0.string } }
  }
  public func optionalNumbers(_ key: String) throws(ConfigError) -> [Double]? {
    try get(key, "a list of numbers") { $0.list { $0.number } }
  }
  public func object(_ key: String) throws(ConfigError) -> Config? {
    try get(key, "an object") { value in
      guard case .object(let inner) = value else { return nil }
      return Config(path: "\(path): \(key)", values: inner)
    }
  }

  public func integer(_ key: String, default value: Int) throws(ConfigError) -> Int {
    try optionalInteger(key) ?? value
  }
  public func number(_ key: String, default value: Double) throws(ConfigError) -> Double {
    try optionalNumber(key) ?? value
  }
  public func string(_ key: String, default value: String) throws(ConfigError) -> String {
    try optionalString(key) ?? value
  }
  public func bool(_ key: String, default value: Bool) throws(ConfigError) -> Bool { try optionalBool(key) ?? value }
  public func integers(_ key: String) throws(ConfigError) -> [Int] {
    try need(key, "a list of whole numbers", get(key, "a list of whole numbers") { $0.list { $0.integer } })
  }
  public func integers(_ key: String, default value: [Int]) throws(ConfigError) -> [Int] {
    has(key) ? try integers(key) : value
  }
  public func strings(_ key: String) throws(ConfigError) -> [String] {
    try need(key, "a list of strings", optionalStrings(key))
  }

  /// One number for all of `count` places, or a list of as many.
  public func integerOrList(_ key: String, count: Int, default value: Int) throws(ConfigError) -> [Int] {
    try get(key, "a whole number or \(count) of them") { $0.spread(count) { $0.integer } }
      ?? Array(repeating: value, count: count)
  }
  public func boolOrList(_ key: String, count: Int, default value: Bool) throws(ConfigError) -> [Bool] {
    try get(key, "true, false or \(count) of them") { $0.spread(count) { $0.bool } }
      ?? Array(repeating: value, count: count)
  }

  init(path: String, values: [String: JSONValue]) {
    (self.path, self.values) = (path, values)
  }
}

public enum ConfigError: Error, Equatable, CustomStringConvertible {
  case unreadable(file: String, why: String)
  case value(file: String, key: String, found: String, expected: String)

  public var description: String {
    switch self {
    case .unreadable(let file, let why): "\(file): \(why)"
    case .value(let file, let key, let found, let expected): "\(file): \(key) is \(found), expected \(expected)"
    }
  }
}
