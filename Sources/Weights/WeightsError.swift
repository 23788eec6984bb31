/// What can be wrong with a file of weights, each with what to do about it.
public enum WeightsError: Error, Equatable, CustomStringConvertible {
  case unreadable(file: String, why: String)
  case malformed(file: String, why: String)
  /// A pickle that asks for more than tensors, numbers and text.
  case refused(file: String, what: String)
  /// A file of another kind.
  case foreign(file: String, what: String)
  case missing(tensor: String, file: String, nearest: String?)
  case shape(tensor: String, file: String, found: [Int], expected: [Int])
  case type(tensor: String, file: String, found: String)
  /// A LoRA that cannot be used.
  case adapter(file: String, why: String)

  public var description: String {
    switch self {
    case .unreadable(let file, let why): "\(file): \(why)"
    case .malformed(let file, let why): "\(file): not a sound file of weights: \(why); fetch it again"
    case .refused(let file, let what):
      "\(file): its pickle holds \(what): refused, nothing was run; use a safetensors version of it"
    case .foreign(let file, let what): "\(file): \(what)"
    case .missing(let tensor, let file, let nearest):
      "\(file): no tensor \(tensor)" + (nearest.map { "; did you mean \($0)?" } ?? "; is this file for another model?")
    case .shape(let tensor, let file, let found, let expected):
      "\(file): \(tensor) is \(found), expected \(expected); is this file for another model?"
    case .adapter(let file, let why): "\(file): \(why)"
    case .type(let tensor, let file, let found):
      "\(file): \(tensor) is of type \(found), which is not a number format for weights"
    }
  }
}
