import LatentDiffusion
import Synchronization

/// Looks at results before anyone sees them, where `--safety` asks for it.
final class Safeguard: Sendable {
  private let action: OutputOptions.SafetyAction
  private let engine: Engine
  private let path: String
  private let checker = Mutex<SafetyChecker?>(nil)

  /// - Throws: `Failure` 69 where a checker is asked for and none is here: nothing is to pass unseen.
  init(_ action: OutputOptions.SafetyAction, _ engine: Engine) throws {
    (self.action, self.engine) = (action, engine)
    path = action == .none ? "" : try ModelLocator().safetyChecker(of: engine.path)
  }

  /// Loads the checker, if it is needed and not loaded yet: what is wrong with it is told before work is done.
  func prepare() throws { if action != .none { _ = try loaded() } }

  private func loaded() throws -> SafetyChecker {
    try checker.withLock { checker in
      let loaded = try checker ?? engine.safetyChecker(at: path)
      checker = loaded
      return loaded
    }
  }

  /// The picture as it may be written, and the concepts, numbers from 0, for which it was blurred.
  ///
  /// - Parameter picture: in sRGB.
  /// - Throws: `Refusal`.
  func passed(_ picture: Image) throws -> (picture: Image, found: [Int]) {
    guard action != .none else { return (picture, []) }
    let found = try loaded()(picture).found
    guard !found.isEmpty else { return (picture, []) }
    guard action == .blur else { throw Refusal(concepts: found) }
    return (picture.blurred(), found)
  }
}

/// A picture that is not to be written.
struct Refusal: Error, CustomStringConvertible {
  /// Numbers from 0: the checker names none.
  let concepts: [Int]

  var description: String {
    "refused: \(Self.objection(concepts)); try another seed or prompt, or --safety blur"
  }

  static func objection(_ concepts: [Int]) -> String {
    "the safety checker objects to the result (concept \(concepts.map(String.init).joined(separator: ", ")))"
  }
}
