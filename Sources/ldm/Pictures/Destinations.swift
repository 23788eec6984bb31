import Foundation
import LatentDiffusion

/// Where each result goes: standard output, one file, files of a folder, or names made from a template.
struct Destinations {
  enum Target: Hashable, CustomStringConvertible {
    case standardOutput
    case file(FileName)

    var description: String {
      switch self {
      case .standardOutput: "standard output"
      case .file(let name): name.description
      }
    }
  }

  private enum Kind {
    case standardOutput
    case file(FileName)
    case folder(FileName)
    case template([UInt8])
  }

  private let kind: Kind
  private let suffix: [UInt8]
  private let seedInNames: Bool
  private let options: DestinationOptions
  /// What was written by this process, and from what: no result replaces another.
  private var written: [FileName: String] = [:]

  /// - Parameters:
  ///   - inputs: how many.
  ///   - count: results for each of them.
  /// - Throws: `Failure` 64 where several results have one place, or bytes would go to a terminal.
  init(_ options: DestinationOptions, inputs: Int, count: Int) throws {
    self.options = options
    suffix = Arguments.bytes(of: options.suffix)
    seedInNames = count > 1
    if let folder = options.outputDir {
      kind = .folder(FileName(folder))
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
    if case .standardOutput = kind, isatty(STDOUT_FILENO) != 0 {
      throw Failure(.usage, "will not write a picture's bytes to a terminal; use -o FILE, -d DIR or a pipe")
    }
  }

  /// Whether one input may give several results.
  var holdsSeveral: Bool {
    switch kind {
    case .folder: true
    case .template: output("{n}")
    case .standardOutput, .file: false
    }
  }

  private func output(_ part: String) -> Bool { options.output?.contains(part) ?? false }

  /// - Parameters:
  ///   - name: of the input, as its file is called.
  ///   - number: of the result, from 1.
  func target(name: FileName, number: Int, seed: UInt64, fileSuffix: String) -> Target {
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

  /// Whether `--skip-existing` leaves this result out.
  func skips(_ target: Target) -> Bool {
    guard options.skipExisting, case .file(let name) = target else { return false }
    return name.status != nil
  }

  /// What can be known to fail before any work is done.
  func check(_ target: Target, from source: Source?) throws {
    guard case .file(let name) = target else { return }
    if let earlier = written[name] {
      throw Failure(
        .cannotCreate, "its result \(name) was written from \(earlier) already; use -o with {n} in the name")
    }
    if options.noClobber, name.status != nil { throw Failure(.cannotCreate, "\(name) exists already") }
    if case .folder = kind, case .file(let input)? = source, name.isSameFile(as: input) {
      throw Failure(.cannotCreate, "its result would replace it; give --suffix, or another folder")
    }
    if let status = name.status, status.st_mode & S_IFMT == S_IFDIR {
      throw Failure(.cannotCreate, "\(name) is a folder; use -d to write into it")
    }
  }

  mutating func write(_ bytes: [UInt8], to target: Target, from input: String) throws {
    switch target {
    case .standardOutput: try Streams.write(bytes, to: STDOUT_FILENO)
    case .file(let name):
      if case .folder(let folder) = kind { try Self.make(folder) }
      do {
        try OutputFile.write(bytes, to: name, replacing: !options.noClobber)
      } catch let failure as Failure {
        throw Failure(failure.status, "\(name): \(failure.message ?? "")")
      }
      written[name] = input
    }
  }

  private static func make(_ folder: FileName) throws {
    guard folder.status == nil else { return }
    let parent = FileName(bytes: Array(folder.bytes.reversed().drop { $0 == UInt8(ascii: "/") }.reversed())).folder
    if parent.bytes != folder.bytes, parent.status == nil { try make(parent) }
    let made = folder.withPath { mkdir($0, 0o777) }
    guard made == 0 || errno == EEXIST else { throw Failure(.cannotCreate, errno: errno, "\(folder)") }
  }
}
