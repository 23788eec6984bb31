/// What can be wrong with a model folder as a whole.
public enum ModelError: Error, Equatable, CustomStringConvertible {
  case component(String, folder: String, found: String, expected: String)
  case task(model: String, task: String)

  public var description: String {
    switch self {
    case .component(let name, let folder, let found, let expected):
      "\(folder): its \(name) is \(found), expected \(expected)"
    case .task(let model, let task): "\(model) cannot do \(task); choose another with --model"
    }
  }
}
