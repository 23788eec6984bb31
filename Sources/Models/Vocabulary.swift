extension [String: Int] {
  /// One more than the largest of the ids.
  ///
  /// - Throws: `TokenizerError.unreadable` for ids that no table has.
  func size(_ file: String) throws(TokenizerError) -> Int {
    let (least, largest) = (values.min() ?? 0, values.max() ?? 0)
    guard least >= 0, largest < Int(Int32.max) else {
      throw .unreadable(file: file, why: "not all ids are numbers from 0 on")
    }
    return largest + 1
  }
}

public enum TokenizerError: Error, Equatable, CustomStringConvertible {
  case unreadable(file: String, why: String)
  case missing(token: String, file: String)

  public var description: String {
    switch self {
    case .unreadable(let file, let why):
      "\(file): \(why); the tokenizer needs vocab.json and merges.txt, or tokenizer.json"
    case .missing(let token, let file): "\(file): no token \(token) in the vocabulary"
    }
  }
}
