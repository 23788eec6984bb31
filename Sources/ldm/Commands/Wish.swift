import Foundation
import LatentDiffusion

/// A picture that is asked for: words, and the options that hold for it alone.
struct Wish {
  let prompt: String
  /// Those of the command line, and the wish's own after them.
  let options: TextToImageCommand

  /// What a line of JSON may say beside the prompt.
  private static let keys: Set<String> = [
    "negative", "guidance", "guidance-rescale", "guidance-interval", "prompt-style", "clip-skip", "steps", "sampler",
    "schedule", "sigmas", "spacing", "eta", "seed", "rng", "size",
  ]

  init(_ prompt: String, _ options: TextToImageCommand) { (self.prompt, self.options) = (prompt, options) }

  /// The LoRAs that the prompt names.
  func loras() throws -> [LoRATag] {
    var request = Request(size: Size(height: 0, width: 0))
    request.prompt = prompt
    options.prompt.apply(to: &request)
    return try request.positive.loraTags()
  }

  /// - Parameter line: an object with a prompt, and options called as on the command line:
  ///   `{"prompt": "a house", "seed": 5, "size": "64x64"}`.
  /// - Throws: `Failure` 65, which says what is wrong with the line.
  init(json line: String, _ arguments: [String]) throws {
    let object = try? JSONSerialization.jsonObject(with: Data(line.utf8))
    guard var fields = object as? [String: Any], let prompt = fields.removeValue(forKey: "prompt") as? String else {
      throw Failure(.badData, "expected a JSON object with a \"prompt\"")
    }
    let own = try fields.sorted { $0.key < $1.key }.map { key, value in
      guard Self.keys.contains(key) else {
        throw Failure(.badData, "no setting \"\(key)\"; there are \(Self.keys.sorted().joined(separator: ", "))")
      }
      guard let text = value as? String ?? (value as? NSNumber)?.stringValue else {
        throw Failure(.badData, "\"\(key)\" must be a string or a number")
      }
      return "--\(key)=\(text)"
    }
    self.prompt = prompt
    do {
      options = try TextToImageCommand.parse(arguments + own)
    } catch {
      throw Failure(.badData, TextToImageCommand.message(for: error))
    }
  }
}
