import CPlugin
import Diffusion

/// A plug-in as a conditioner: requests, latents and pictures cross as the C of `ldm_plugin.h`.
///
/// Draws what the plug-in draws.
public struct PluginConditioner: Conditioner {
  public let plugin: Plugin
  private let options: [(name: String, value: String)]

  /// - Throws: `PluginError.option` for one that the plug-in does not have.
  public init(_ plugin: Plugin, options: [(name: String, value: String)] = []) throws(PluginError) {
    (self.plugin, self.options) = (plugin, options)
    for option in options where !plugin.optionNames.contains(option.name) {
      throw .option(option.name, plugin: plugin.name, known: plugin.options.map { String($0.prefix { $0 != " " }) })
    }
  }

  private var table: UnsafePointer<ldm_plugin> { plugin.table }

  public func prepare(_ request: Request, for model: any ConditioningModel) throws -> Request {
    guard let prepare = table.pointee.prepare else { return request }
    let call = PluginCall(
      "prepare", of: plugin, options, sets: [LDM_IMAGE, LDM_MASK],
      setsNumbers: [LDM_HEIGHT, LDM_WIDTH, LDM_STRENGTH], model: model)
    try call.run { host in withUnsafePointer(to: call.lend(request)) { prepare(table, host, $0) } }
    var result = request
    if let image = call[LDM_IMAGE] { result.image = image }
    if let mask = call[LDM_MASK] { result.mask = mask }
    if let strength = call[LDM_STRENGTH] { result.strength = strength }
    let size = (call[LDM_HEIGHT] ?? Double(request.size.height), call[LDM_WIDTH] ?? Double(request.size.width))
    guard [size.0, size.1].allSatisfy({ (1...65536).contains($0) }) else {
      throw call.failure("it wants \(size.1) x \(size.0) pixels; a side may have 1 to 65536")
    }
    result.size = Size(height: Int(size.0), width: Int(size.1))
    for (what, part) in [("picture", result.image), ("mask", result.mask)] {
      if let part, part.shape != [1, part.shape[1], result.size.height, result.size.width],
        part.shape != [1, part.shape[1]] + (result.image?.shape[2...] ?? [])
      {
        throw call.failure("its \(what) is \(part.shape), its size \(result.size.width) x \(result.size.height)")
      }
    }
    return result
  }

  public func condition(
    _ request: Request, with model: any ConditioningModel, noise: inout Noise
  ) throws -> Conditioning {
    var kept = State(nil, of: plugin)
    var result = Conditioning()
    if let condition = table.pointee.condition {
      let parts = [LDM_START_LATENTS, LDM_START_NOISE, LDM_CONTEXT, LDM_NEGATIVE, LDM_CONCATENATED]
      let call = PluginCall(
        "condition", of: plugin, options, sets: parts, setsNumbers: [LDM_STRENGTH, LDM_LABEL], model: model,
        noise: noise)
      defer { noise = call.noise! }
      var state: UnsafeMutableRawPointer?
      try call.run { host in withUnsafePointer(to: call.lend(request)) { condition(table, host, $0, &state) } }
      kept = State(state, of: plugin)
      try take(from: call, request, model, into: &result)
    }
    let state = kept
    if let constrain = table.pointee.constrain {
      result.constrain = [{ try constrained($0, $1, by: constrain, state, model) }]
    }
    if let compose = table.pointee.compose { result.compose = [{ try composed($0, by: compose, state, model) }] }
    return result
  }

  private func take(
    from call: PluginCall, _ request: Request, _ model: any ConditioningModel, into result: inout Conditioning
  ) throws {
    if call[LDM_START_LATENTS] != nil || call[LDM_START_NOISE] != nil {
      result.start = Start(
        latents: call[LDM_START_LATENTS], noise: call[LDM_START_NOISE],
        strength: call[LDM_STRENGTH] ?? request.strength)
    }
    if let context = call[LDM_CONTEXT] ?? call[LDM_NEGATIVE] {
      let expected = model.readsText ? try model.encode(text: "").tokens.shape : []
      for tokens in [call[LDM_CONTEXT], call[LDM_NEGATIVE]].compactMap({ $0 }) {
        guard tokens.shape == [1, context.shape[1], expected.last ?? 0] else {
          throw call.failure("its tokens are \(tokens.shape), expected \(expected)")
        }
      }
      // Tokens alone cross the border; the text as a whole is the request's.
      let pooled = (
        try model.encode(text: request.prompt).pooled, try model.encode(text: request.negativePrompt).pooled
      )
      result.context = [call[LDM_CONTEXT]].compactMap { $0 }.map {
        TextCourse(TextEncoding(tokens: $0, pooled: pooled.0))
      }
      result.negative = call[LDM_NEGATIVE].map { TextCourse(TextEncoding(tokens: $0, pooled: pooled.1)) }
      result.micro = model.microConditioning.map { MicroConditions($0, of: request.size) }
    }
    result.concatenated = call[LDM_CONCATENATED]
    if let label = call[LDM_LABEL].map({ Int($0) }) {
      guard (0..<(model.labels ?? .max)).contains(label) else {
        throw call.failure("its label is \(label), expected 0 to \(model.labels.map { $0 - 1 } ?? .max)")
      }
      result.label = .index(label)
    }
  }

  private func constrained(
    _ latents: Tensor, _ step: Step, by constrain: Constrain, _ state: State, _ model: any ConditioningModel
  ) throws -> Tensor {
    let call = PluginCall("constrain", of: plugin, options, sets: [LDM_LATENTS], model: model)
    try call.run { host in
      withUnsafePointer(to: call.lend(latents)) { latents in
        withUnsafePointer(to: call.lend(step)) { constrain(state.pointer, host, latents, $0) }
      }
    }
    guard let result = call[LDM_LATENTS] else { return latents }
    guard result.shape == latents.shape else {
      throw call.failure("its latents are \(result.shape), expected \(latents.shape)")
    }
    return result
  }

  private func composed(
    _ picture: Tensor, by compose: Compose, _ state: State, _ model: any ConditioningModel
  ) throws -> Tensor {
    let call = PluginCall("compose", of: plugin, options, sets: [LDM_PICTURE], model: model)
    try call.run { host in withUnsafePointer(to: call.lend(picture)) { compose(state.pointer, host, $0) } }
    return call[LDM_PICTURE] ?? picture
  }

  private typealias Constrain =
    @convention(c) (
      UnsafeMutableRawPointer?, UnsafePointer<ldm_host>?, UnsafePointer<ldm_tensor>?, UnsafePointer<ldm_step>?
    ) -> Int32
  private typealias Compose =
    @convention(c) (
      UnsafeMutableRawPointer?, UnsafePointer<ldm_host>?, UnsafePointer<ldm_tensor>?
    ) -> Int32

  /// What `condition` left for the functions after it; released with the last of them.
  private final class State: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer?
    private let plugin: Plugin

    init(_ pointer: UnsafeMutableRawPointer?, of plugin: Plugin) { (self.pointer, self.plugin) = (pointer, plugin) }

    deinit {
      guard pointer != nil, let release = plugin.table.pointee.release else { return }
      Plugin.guarded(plugin.table.pointee.name, "release") { release(pointer) }
    }
  }
}
