import CPlugin
import Diffusion

/// A Swift conditioner as the table that `ldm --plugin` loads. A plug-in is a dynamic library with one such function:
///
///     @_cdecl("ldm_plugin_table") public func table(_ version: UInt32) -> UnsafeRawPointer {
///       pluginTable(name: "tile", summary: "seamless textures", options: ["margin=LATENTS  context"]) { options in
///         Tile(margin: try options.integer("margin", 1...64) ?? 8)
///       }
///     }
///
/// - Parameters:
///   - options: "name=VALUE  what it does", each.
///   - make: the conditioner for the options that a user gave; called anew for `prepare` and for each `condition`, so that
///     nothing is kept between them. What it throws is told to the user.
/// - Returns: a table that lives as long as the process. Called once.
public func pluginTable(
  name: String, summary: String, options: [String] = [],
  make: @escaping @Sendable (PluginOptions) throws -> any Conditioner
) -> UnsafeRawPointer {
  let table = UnsafeMutablePointer<ldm_plugin>.allocate(capacity: 1)
  let list = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: options.count + 1)
  list.initialize(repeating: nil, count: options.count + 1)
  for (index, option) in options.enumerated() { list[index] = copied(option) }
  table.initialize(
    to: ldm_plugin(
      version: UInt32(LDM_PLUGIN_VERSION), name: copied(name), summary: copied(summary), options: UnsafePointer(list),
      own: Unmanaged.passRetained(Maker(make: make)).toOpaque(),
      prepare: prepare, condition: condition, constrain: constrain, compose: compose,
      release: { Unmanaged<Result>.fromOpaque($0!).release() }))
  return UnsafeRawPointer(table)
}

/// C has no closures: what the functions need is found through the table.
private final class Maker: Sendable {
  let make: @Sendable (PluginOptions) throws -> any Conditioner
  init(make: @escaping @Sendable (PluginOptions) throws -> any Conditioner) { self.make = make }

  static func conditioner(of plugin: UnsafePointer<ldm_plugin>?, _ host: Host) throws -> any Conditioner {
    try Unmanaged<Maker>.fromOpaque(plugin!.pointee.own).takeUnretainedValue().make(host.options())
  }
}

/// The state between `condition` and `release`.
private final class Result {
  let constrain: [Conditioning.Constrain]
  let compose: [Conditioning.Compose]
  init(_ conditioning: Conditioning) { (constrain, compose) = (conditioning.constrain, conditioning.compose) }

  static func of(_ state: UnsafeMutableRawPointer?) -> Result {
    Unmanaged<Result>.fromOpaque(state!).takeUnretainedValue()
  }
}

private func copied(_ text: String) -> UnsafePointer<CChar> {
  let bytes = text.utf8CString
  let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
  bytes.withUnsafeBufferPointer { copy.initialize(from: $0.baseAddress!, count: bytes.count) }
  return UnsafePointer(copy)
}

private func prepare(
  _ plugin: UnsafePointer<ldm_plugin>?, _ host: UnsafePointer<ldm_host>?, _ request: UnsafePointer<ldm_request>?
) -> Int32 {
  Host.serving(host!) { host in
    let request = Request(request!.pointee)
    let result = try Maker.conditioner(of: plugin, host).prepare(request, for: host)
    if let change = result.changeThatStays(since: request) {
      throw ConditioningError.range(
        what: "what prepare changed", found: change, expected: "the picture, mask, size or strength of a plug-in")
    }
    if let image = result.image, !image.isSame(as: request.image) { try host.put(LDM_IMAGE, image) }
    if let mask = result.mask, !mask.isSame(as: request.mask) { try host.put(LDM_MASK, mask) }
    try host.put(LDM_HEIGHT, Double(result.size.height))
    try host.put(LDM_WIDTH, Double(result.size.width))
    try host.put(LDM_STRENGTH, result.strength)
  }
}

private func condition(
  _ plugin: UnsafePointer<ldm_plugin>?, _ host: UnsafePointer<ldm_host>?, _ request: UnsafePointer<ldm_request>?,
  _ state: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> Int32 {
  Host.serving(host!) { host in
    var noise = host.noise
    let result = try Maker.conditioner(of: plugin, host).condition(Request(request!.pointee), with: host, noise: &noise)
    guard result.context.count <= 1,
      (result.context + [result.negative].compactMap { $0 }).allSatisfy({ $0.constant != nil })
    else {
      throw ConditioningError.range(
        what: "the text", found: "several, or one that changes along the steps", expected: "one from a plug-in")
    }
    let parts = [
      (LDM_START_LATENTS, result.start?.latents), (LDM_START_NOISE, result.start?.noise),
      (LDM_CONTEXT, result.context.first?.constant?.tokens), (LDM_NEGATIVE, result.negative?.constant?.tokens),
      (LDM_CONCATENATED, result.concatenated),
    ]
    for (part, tensor) in parts { if let tensor { try host.put(part, tensor) } }
    if let start = result.start { try host.put(LDM_STRENGTH, start.strength) }
    if case .index(let row) = result.label { try host.put(LDM_LABEL, Double(row)) }
    state!.pointee = Unmanaged.passRetained(Result(result)).toOpaque()
  }
}

private func constrain(
  _ state: UnsafeMutableRawPointer?, _ host: UnsafePointer<ldm_host>?, _ latents: UnsafePointer<ldm_tensor>?,
  _ step: UnsafePointer<ldm_step>?
) -> Int32 {
  Host.serving(host!) { host in
    let result = Result.of(state)
    guard !result.constrain.isEmpty, let latents = Tensor(latents!.pointee) else { return }
    let step = try Step(step!.pointee)
    try host.put(LDM_LATENTS, result.constrain.reduce(latents) { try $1($0, step) })
  }
}

private func compose(
  _ state: UnsafeMutableRawPointer?, _ host: UnsafePointer<ldm_host>?, _ picture: UnsafePointer<ldm_tensor>?
) -> Int32 {
  Host.serving(host!) { host in
    let result = Result.of(state)
    guard !result.compose.isEmpty, let picture = Tensor(picture!.pointee) else { return }
    try host.put(LDM_PICTURE, result.compose.reduce(picture) { try $1($0) })
  }
}
