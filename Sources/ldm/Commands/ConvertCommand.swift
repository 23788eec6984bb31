import ArgumentParser
import Foundation
import LatentDiffusion
import Weights

extension ModelsCommand {
  struct Convert: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Rewrites a model: a single file as a folder, or a folder as a single file.",
      discussion: """
        OUT ending in .safetensors is written as one file, in the layout that other tools read; else as a folder in \
        diffusers' layout. Converting there and back gives the same tensors, byte for byte, unless --type says otherwise. \
        Averaged weights that nothing uses, optimiser states and the like are left behind.
        """)

    @Argument(help: "A model's name, folder or file.") var input: String
    @Argument(help: "What to write; a folder must not be there yet.") var output: String

    @Option(
      help: ArgumentHelp(
        """
        Type of the weights: f32, f16, bf16; or int8, of those that --precision int8 multiplies as integers, the others as \
        they are: for this program alone. Default: as they are.
        """, valueName: "type"),
      completion: .list(WeightType.allCases.map(\.rawValue)))
    var type: String?

    private enum WeightType: String, CaseIterable {
      case f32, f16, bf16, int8

      var element: ElementType {
        switch self {
        case .f32: .f32
        case .f16: .f16
        case .bf16: .bf16
        case .int8: .i8
        }
      }
    }

    func validate() throws {
      if let type { _ = try choice(type, "--type", WeightType.allCases.map(\.rawValue)) }
      guard output != "" else { throw ValidationError("OUT must name something") }
    }

    func run() throws {
      let path = try ModelLocator().path(of: input)
      let parts = try Set(ModelDefaults(folder: path).tasks.values).sorted()
      guard parts.isEmpty else {
        throw Failure(
          .unavailable, "\(path): holds several models; name the folder of one: \(parts.joined(separator: ", "))")
      }
      let checkpoint = try Checkpoint(at: path)
      let isFile = output.hasSuffix(".safetensors")
      let target = try Self.target(FileName(output).trimmed, isFile: isFile)
      let type = type.flatMap(WeightType.init)?.element
      let conversion = Conversion(checkpoint, as: type) { try Signals.check() }
      try Self.atomically(target) { temporary in
        if isFile {
          try conversion.write(file: temporary)
        } else {
          try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: false)
          try conversion.write(folder: temporary) { lines in
            CLIPTokenizer.vocabulary(
              of: lines.compactMap { line in
                let pair = line.split(separator: " ")
                return pair.count == 2 ? (String(pair[0]), String(pair[1])) : nil
              })
          }
        }
      }
    }

    /// Where `name` leads: a link is followed, and nothing else replaced than a file by a file.
    private static func target(_ name: FileName, isFile: Bool) throws -> FileName {
      try Failure.naming(name) {
        if let status = name.status {
          guard isFile else { throw Failure(.cannotCreate, "is there already; name a folder that is not") }
          guard status.isRegular else { throw Failure(.cannotCreate, "is there already, and no regular file") }
        }
        try OutputFile.check(name)
        let target = try OutputFile.followed(name)
        guard String(validating: target.bytes, as: UTF8.self) != nil else {
          throw Failure(.usage, "models are written under names in UTF-8 alone")
        }
        return target
      }
    }

    /// Writes beside the target under another name, and renames when all is whole.
    private static func atomically(_ target: FileName, _ body: (String) throws -> Void) throws {
      let temporary = target.folder.appending(OutputFile.temporaryName().bytes)
      let path = String(decoding: temporary.bytes, as: UTF8.self)
      do {
        try Signals.withTemporary(temporary) { try body(path) }
        try Signals.check()
        guard temporary.withPath({ from in target.withPath { to in rename(from, to) } }) == 0 else {
          throw Failure(.cannotCreate, errno: errno, "\(target)")
        }
      } catch {
        try? FileManager.default.removeItem(atPath: path)
        if case let error as CocoaError = error {
          throw Failure(.cannotCreate, "\(target): \(error.localizedDescription)")
        }
        throw error
      }
    }
  }
}
