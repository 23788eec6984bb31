import Foundation
import Synchronization

/// Where each result goes: standard output, one file, files of a folder, or names made from a template.
final class Destinations: Sendable {
  enum Target: Hashable, Sendable, CustomStringConvertible {
    case standardOutput
    case file(FileName)

    var description: String {
      switch self {
      case .standardOutput: "standard output"
      case .file(let name): name.description
      }
    }

    /// Whether it is the very file that is read.
    func isFile(of source: Source) -> Bool {
      guard case .file(let name) = self, let identity = source.identity else { return false }
      return Source.file(name).identity == identity
    }
  }

  private enum Kind: Sendable {
    case standardOutput
    case file(FileName)
    case folder(FileName)
    case template([UInt8])
  }

  private let kind: Kind
  private let suffix: [UInt8]
  private let seedInNames: Bool
  private let noClobber: Bool
  private let holdsNumber: Bool
  private let claims: Claims
  private let count = Mutex(0)

  /// - Parameters:
  ///   - inputs: how many.
  ///   - count: results for each of them.
  /// - Throws: `Failure` 64 where several results have one place, or bytes would go to a terminal.
  init(_ options: DestinationOptions, inputs: Int, count: Int) throws {
    noClobber = options.noClobber
    func output(_ part: String) -> Bool { options.output?.contains(part) ?? false }
    holdsNumber = output("{n}")
    suffix = Arguments.bytes(of: options.suffix)
    seedInNames = count > 1
    let folder = options.outputDir.map(FileName.init)
    claims = Claims(skipExisting: options.skipExisting, noClobber: options.noClobber, folder: folder)
    if let folder {
      kind = .folder(folder)
    } else if let output = options.output, output != "-" {
      let isTemplate = ["{stem}", "{n}", "{seed}"].contains { output.contains($0) }
      kind = isTemplate ? .template(Arguments.bytes(of: output)) : .file(FileName(output))
    } else {
      kind = .standardOutput
    }
    switch kind {
    case .folder: break
    case .template:
      guard inputs == 1 || output("{stem}") || output("{n}"), count == 1 || output("{seed}") || output("{n}") else {
        throw Failure(.usage, "--output gives several results one name; put {n} into it, or use -d")
      }
    case .standardOutput, .file:
      guard inputs * count <= 1 else {
        throw Failure(.usage, "several results need -d DIR, or -o with {stem}, {n} or {seed} in the name")
      }
    }
    if case .standardOutput = kind, options.output == nil, isatty(STDOUT_FILENO) != 0 {
      throw Failure(
        .usage, "will not write binary data to a terminal; use -o FILE, -d DIR or a pipe, or -o - to insist")
    }
  }

  /// Whether one input may give several results.
  var holdsSeveral: Bool {
    switch kind {
    case .folder: true
    case .template: holdsNumber
    case .standardOutput, .file: false
    }
  }

  /// Where the next result goes; results are counted from 1.
  ///
  /// - Parameter name: of the input, as its file is called.
  func target(name: FileName, seed: UInt64, fileSuffix: String) -> Target {
    let number = count.withLock { count in
      count += 1
      return count
    }
    switch kind {
    case .standardOutput: return .standardOutput
    case .file(let name): return .file(name)
    case .folder(let folder):
      let seedPart = seedInNames ? Array("-\(seed)".utf8) : []
      return .file(folder.appending(name.stem + suffix + seedPart + Array(".\(fileSuffix)".utf8)))
    case .template(let template):
      var bytes = template[...]
      var result: [UInt8] = []
      let parts: [([UInt8], [UInt8])] = [
        (Array("{stem}".utf8), name.stem), (Array("{n}".utf8), Array("\(number)".utf8)),
        (Array("{seed}".utf8), Array("\(seed)".utf8)),
      ]
      while let first = bytes.first {
        if let (mark, value) = parts.first(where: { bytes.starts(with: $0.0) }) {
          result += value
          bytes = bytes.dropFirst(mark.count)
        } else {
          result.append(first)
          bytes = bytes.dropFirst()
        }
      }
      return .file(FileName(bytes: result))
    }
  }

  /// No result is to replace one of `sources`, but its own where that is named as the place.
  func keep(_ sources: [Source]) { claims.keep(sources) }

  /// Takes a place for a result, before any work is done for it.
  ///
  /// - Parameter label: of the input.
  /// - Returns: false where `--skip-existing` leaves the result out.
  /// - Throws: `Failure` for what can be known to fail.
  func claim(_ target: Target, for label: String, source: Source?) throws -> Bool {
    guard case .file(let name) = target else { return true }
    return try claims.claim(name, for: label, source: source)
  }

  /// On any thread.
  func write(_ bytes: [UInt8], to target: Target) throws {
    switch target {
    case .standardOutput:
      do {
        try Streams.write(bytes, to: STDOUT_FILENO)
      } catch var failure as Failure {
        failure.message = "standard output: \(failure.message ?? "")"
        failure.stopsAll = true  // whatever comes after it would go to the same place
        throw failure
      }
    case .file(let name):
      if case .folder(let folder) = kind { try Self.make(folder) }
      try Failure.naming(name) { try OutputFile.write(bytes, to: name, replacing: !noClobber) }
    }
  }

  private static func make(_ folder: FileName) throws {
    guard folder.status == nil else { return }
    let parent = folder.trimmed.folder
    if parent != folder, parent.status == nil { try make(parent) }
    let made = folder.withPath { mkdir($0, 0o777) }
    guard made == 0 || errno == EEXIST else { throw Failure(.cannotCreate, errno: errno, "\(folder)") }
  }
}
