import CPlugin
import Foundation

/// A conditioner in a shared object, loaded for the life of the process.
public final class Plugin: @unchecked Sendable {  // The table is constant; its functions run one at a time.
  public let path: String
  public let name, summary: String
  /// "name=VALUE  what it does", each.
  public let options: [String]
  let table: UnsafePointer<ldm_plugin>

  /// - Parameter path: bytes of the file's name; one without a slash is looked for in the working folder alone.
  /// - Throws: `PluginError`.
  public convenience init(at path: [UInt8]) throws(PluginError) {
    let words = String(decoding: path, as: UTF8.self)
    let name = (path.contains(UInt8(ascii: "/")) ? [] : Array("./".utf8)) + path + [0]
    // Not freed: a crash is told by it.
    let label = UnsafePointer(strdup(words))
    let library = Self.guarded(label, "dlopen") {
      name.withUnsafeBufferPointer { bytes in
        bytes.withMemoryRebound(to: CChar.self) { dlopen($0.baseAddress!, RTLD_NOW | RTLD_LOCAL) }
      }
    }
    guard let library else {
      let why = dlerror().map { String(cString: $0) } ?? "unknown"
      throw .cannotLoad(file: words, why: why.replacing("\(words): ", with: ""))
    }
    guard let symbol = dlsym(library, "ldm_plugin_table") else { throw .noTable(file: words) }
    typealias Entry = @convention(c) (UInt32) -> UnsafePointer<ldm_plugin>?
    let expected = UInt32(LDM_PLUGIN_VERSION)
    let table = Self.guarded(label, "ldm_plugin_table") {
      unsafeBitCast(symbol, to: Entry.self)(expected)
    }
    guard let table else { throw .noTable(file: words) }
    try self.init(table: UnsafeRawPointer(table), path: words)
  }

  /// - Parameter table: an `ldm_plugin`.
  package init(table: UnsafeRawPointer, path: String) throws(PluginError) {
    // The version stands first in the tables of all versions; nothing else may be read of another's.
    let (found, expected) = (table.load(as: UInt32.self), UInt32(LDM_PLUGIN_VERSION))
    guard found == expected else { throw .version(file: path, found: found, expected: expected) }
    let table = table.assumingMemoryBound(to: ldm_plugin.self)
    guard let name = table.pointee.name, table.pointee.condition != nil || table.pointee.prepare != nil else {
      throw .cannotLoad(file: path, why: "its table has no name or no functions")
    }
    (self.path, self.table, self.name) = (path, table, String(cString: name))
    summary = table.pointee.summary.map { String(cString: $0) } ?? ""
    var options: [String] = []
    while let list = table.pointee.options, let option = list[options.count] { options.append(String(cString: option)) }
    self.options = options
  }

  /// The names of its options.
  var optionNames: [String] { options.map { String($0.prefix { $0 != "=" && $0 != " " }) } }

  /// Runs code of the plug-in, `name` being told if it crashes. Both strings live on.
  static func guarded<R>(_ name: UnsafePointer<CChar>?, _ call: StaticString, _ body: () throws -> R) rethrows -> R {
    stand(by: name, call)
    defer { ldm_plugin_guard(nil, nil) }
    return try body()
  }

  /// The other way round, within `guarded`: runs the host's own code, whose crash is not the plug-in's.
  static func unguarded<R>(_ name: UnsafePointer<CChar>?, _ call: StaticString, _ body: () throws -> R) rethrows -> R {
    ldm_plugin_guard(nil, nil)
    defer { stand(by: name, call) }
    return try body()
  }

  private static func stand(by name: UnsafePointer<CChar>?, _ call: StaticString) {
    ldm_plugin_guard(name, UnsafeRawPointer(call.utf8Start).assumingMemoryBound(to: CChar.self))
  }
}
