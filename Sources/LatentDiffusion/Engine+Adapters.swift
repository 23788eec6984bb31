import Diffusion
import Foundation
import Weights

/// What changed a model, by name and by content (`ShortHash`).
public struct AdapterHashes: Sendable {
  public typealias Entry = (name: String, hash: String)
  public let loras, inversions: [Entry]
}

extension Engine {
  /// The engine's own LoRAs, by the names that a prompt would give them.
  public var loraNames: [(name: String, strength: Double)] { loras.map { (Self.stem($0.file), $0.strength) } }

  /// The LoRAs of a request, the engine's own and those that its prompt names, and the textual inversions whose words it holds.
  /// A file is read once; one that is gone since is left out.
  public func adapterHashes(_ request: Request) -> AdapterHashes {
    let named = ((try? request.positive.loraTags()) ?? []).compactMap { tag in
      (try? findLoRA(tag.name)).map { (tag.name, $0) }
    }
    let files = loras.map { (Self.stem($0.file), $0.file) } + named
    let text = "\(request.prompt)\n\(request.negativePrompt)"
    let words = inversions.compactMap { inversion in
      inversion.words.first(where: text.holds).map { ($0, inversion.file) }
    }
    return AdapterHashes(
      loras: files.compactMap { name, file in hash(file, ShortHash.ofLoRA).map { (name, $0) } },
      inversions: words.compactMap { word, file in hash(file, ShortHash.ofFile).map { (word, $0) } })
  }

  private func hash(_ file: String, _ make: (String) throws -> String) -> String? {
    if let known = hashes.withLock({ $0[file] }) { return known }
    let made = try? make(file)
    hashes.withLock { $0[file] = made }
    return made
  }

  private static func stem(_ file: String) -> String {
    URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
  }
}

extension String {
  /// Whether `word` stands in it, in upper or lower case, and not within a longer word.
  fileprivate func holds(_ word: String) -> Bool {
    let (text, word) = (lowercased(), word.lowercased())
    var rest = text[...]
    while let found = rest.firstRange(of: word) {
      let neighbours = [text[..<found.lowerBound].last, text[found.upperBound...].first]
      if neighbours.allSatisfy({ !($0?.isLetter ?? false) && !($0?.isNumber ?? false) }) { return true }
      rest = text[found.upperBound...]
    }
    return false
  }
}
