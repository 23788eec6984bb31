/// What can be wrong with a model folder as a whole.
public enum ModelError: Error, Equatable, CustomStringConvertible {
  case noModel(path: String)
  case component(String, folder: String, found: String, expected: String)
  case task(model: String, task: String)

  public var description: String {
    switch self {
    case .noModel(let path): "\(path): no model here; expected a folder with model_index.json, or with unet/ and vae/"
    case .component(let name, let folder, let found, let expected):
      "\(folder): its \(name) is \(found), expected \(expected)"
    case .task(let model, let task): "\(model) cannot do \(task); choose another with --model"
    }
  }
}
