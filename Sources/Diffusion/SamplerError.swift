/// What stops a run before or while it samples.
public enum SamplerError: Error, Equatable, CustomStringConvertible {
  case unknown(name: String, known: [String])
  case range(what: String, found: String, expected: String)
  case unsupported(sampler: String, what: String, instead: String)
  case foreign(scheduler: String, instead: String)
  case shape(what: String, found: [Int], expected: [Int])
  case notFinite(call: Int, of: Int)

  public var description: String {
    switch self {
    case .unknown(let name, let known): "no sampler \(name); choose one of \(known.joined(separator: ", "))"
    case .range(let what, let found, let expected): "\(what) is \(found), expected \(expected)"
    case .unsupported(let sampler, let what, let instead): "\(sampler) cannot do \(what); \(instead)"
    case .foreign(let scheduler, let instead): "the model's scheduler is \(scheduler), which is not here; \(instead)"
    case .shape(let what, let found, let expected): "\(what) has shape \(found), expected \(expected)"
    case .notFinite(let call, let count):
      "latents are no longer finite after call \(call) of \(count); try --precision f32, or lower --guidance"
    }
  }
}
