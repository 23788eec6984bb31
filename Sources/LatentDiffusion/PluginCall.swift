import CPlugin
import Diffusion
import Foundation
import LDMPlugin

/// One call of a plug-in's function: what is lent to it, the host's services meanwhile, and what it gives back.
final class PluginCall {
  private let name: StaticString
  private let plugin: Plugin
  private let options: [(name: String, value: String)]
  private let sets: [ldm_part]
  private let setsNumbers: [ldm_number]
  private let model: any ConditioningModel
  /// Moved on by what the plug-in draws.
  private(set) var noise: Noise?
  private var lent: [Tensor] = []
  private var strings: [UnsafeMutablePointer<CChar>?] = []
  private var tensors: [ldm_part.RawValue: Tensor] = [:]
  private var numbers: [ldm_number.RawValue: Double] = [:]
  private var noted: String?

  init(
    _ name: StaticString, of plugin: Plugin, _ options: [(name: String, value: String)],
    sets: [ldm_part], setsNumbers: [ldm_number] = [], model: any ConditioningModel, noise: Noise? = nil
  ) {
    (self.name, self.plugin, self.options) = (name, plugin, options)
    (self.sets, self.setsNumbers) = (sets, setsNumbers)
    (self.model, self.noise) = (model, noise)
  }

  deinit { for string in strings { free(string) } }

  subscript(_ part: ldm_part) -> Tensor? { tensors[part.rawValue] }
  subscript(_ number: ldm_number) -> Double? { numbers[number.rawValue] }

  private func own<R>(_ body: () throws -> R) rethrows -> R {
    try Plugin.unguarded(plugin.table.pointee.name, name, body)
  }

  func failure(_ why: String) -> PluginError { .failed(plugin: plugin.name, call: "\(name)", why: why) }

  /// - Throws: `PluginError.failed` with what the plug-in or a service noted.
  func run(_ body: (UnsafePointer<ldm_host>) -> Int32) throws(PluginError) {
    let list = options.map { ldm_option(name: lend($0.name), value: lend($0.value)) }
    let status = list.withUnsafeBufferPointer { list in
      var host = ldm_host()
      host.version = UInt32(LDM_PLUGIN_VERSION)
      (host.options, host.option_count) = (list.baseAddress, list.count)
      host.model = lend(model.name)
      (host.latent_factor, host.latent_channels) = (Int32(model.latentFactor), Int32(model.latentChannels))
      (host.input_channels, host.reads_text) = (Int32(model.inputChannels), model.readsText ? 1 : 0)
      host.context = Unmanaged.passUnretained(self).toOpaque()
      Self.serve(&host)
      return Plugin.guarded(plugin.table.pointee.name, name) { body(&host) }
    }
    if status != 0 { throw failure(noted ?? "it returned \(status) and said nothing") }
  }

  private static func serve(_ host: inout ldm_host) {
    host.encode_text = { host, text, result in
      PluginCall.serve(host) { call in
        guard call.model.readsText, let text else { return "no text encoder here" }
        let words = String(cString: text)
        result?.pointee = call.lend(try call.own { try call.model.encode(text: words).tokens })
        return nil
      }
    }
    host.encode_image = { host, picture, draws, result in
      PluginCall.serve(host) { call in
        guard call.noise != nil else { return "pictures are encoded in condition alone" }
        let model = call.model
        guard let picture = picture.flatMap({ Tensor($0.pointee) }), picture.shape.count == 4, picture.count > 0,
          picture.shape.prefix(2) == [1, 3], picture.shape[2...].allSatisfy({ $0 % model.latentFactor == 0 })
        else { return "only [1, 3, H, W] in multiples of \(model.latentFactor) can be encoded" }
        let encoding: Encoding = draws == 0 ? .mean : .sample
        result?.pointee = call.lend(try call.own { try model.encode(picture, encoding, noise: &call.noise!) })
        return nil
      }
    }
    host.random = { host, out, count in
      PluginCall.serve(host) { call in
        guard call.noise != nil, let out else { return "numbers are drawn in condition alone" }
        guard count <= 1 << 28 else { return "\(count) numbers at once" }
        call.own { call.noise!([count]) }.withElements { out.update(from: $0.baseAddress!, count: count) }
        return nil
      }
    }
    host.put = { host, part, tensor in
      PluginCall.serve(host) { call in
        guard call.sets.contains(part) else { return "it may not set part \(part.rawValue) there" }
        guard let tensor = tensor.flatMap({ Tensor($0.pointee) }), tensor.shape.count >= 3, tensor.shape[0] == 1 else {
          return "part \(part.rawValue) is no tensor of one row"
        }
        let channels = part == LDM_IMAGE || part == LDM_PICTURE ? 3 : part == LDM_MASK ? 1 : tensor.shape[1]
        let rank = part == LDM_CONTEXT || part == LDM_NEGATIVE ? 3 : 4
        guard tensor.shape.count == rank, tensor.shape[1] == channels, tensor.count > 0 else {
          return "part \(part.rawValue) is \(tensor.shape)"
        }
        guard tensor.isFinite else { return "part \(part.rawValue) holds numbers that are not finite" }
        call.tensors[part.rawValue] = tensor
        return nil
      }
    }
    host.put_number = { host, number, value in
      PluginCall.serve(host) { call in
        guard call.setsNumbers.contains(number) else { return "it may not set number \(number.rawValue) there" }
        switch number {
        case LDM_STRENGTH where !(0...1).contains(value): return "a strength of \(value), not 0 to 1"
        case LDM_LABEL where Int32(exactly: value) == nil: return "a label of \(value), no row"
        default: guard value.isFinite else { return "number \(number.rawValue) is not finite" }
        }
        call.numbers[number.rawValue] = value
        return nil
      }
    }
    host.fail = { host, message in PluginCall.serve(host) { _ in message.map { String(cString: $0) } ?? "it failed" } }
  }

  /// Runs a service. A message that it returns is noted. What it reads of the plug-in's memory is the plug-in's fault.
  private static func serve(_ host: UnsafePointer<ldm_host>?, _ body: (PluginCall) throws -> String?) -> Int32 {
    let call = Unmanaged<PluginCall>.fromOpaque(host!.pointee.context).takeUnretainedValue()
    do {
      guard let message = try body(call) else { return 0 }
      call.noted = message
    } catch {
      call.noted = "\(error)"
    }
    return 1
  }
}

/// What is lent lives as long as the call.
extension PluginCall {
  func lend(_ text: String) -> UnsafePointer<CChar>? {
    strings.append(strdup(text))
    return UnsafePointer(strings.last!)
  }

  func lend(_ tensor: Tensor) -> ldm_tensor {
    lent.append(tensor)
    return ldm_tensor(lending: tensor)
  }

  func lend(_ request: Request) -> ldm_request {
    let none = ldm_tensor()
    return ldm_request(
      image: request.image.map(lend) ?? none, mask: request.mask.map(lend) ?? none,
      height: Int32(request.size.height), width: Int32(request.size.width), strength: request.strength,
      prompt: lend(request.prompt), negative_prompt: lend(request.negativePrompt),
      noise_level: Int32(clamping: request.noiseLevel ?? -1),
      mask_mode: Int32(MaskMode.allCases.firstIndex(of: request.maskMode)!),
      encoding: Int32(request.encoding.flatMap { Encoding.allCases.firstIndex(of: $0) } ?? -1),
      raw: request.raw ? 1 : 0)
  }

  func lend(_ step: Step) -> ldm_step {
    let after = step.isLast ? NoiseLevel.clean : step.plan.nodes[step.index + 1].mark
    return ldm_step(
      call: Int32(step.done), calls: Int32(step.plan.calls.count),
      prediction: Int32(Prediction.allCases.firstIndex(of: step.current.prediction)!), timestep: step.node.timestep,
      signal: step.node.level.signal, noise: step.node.level.noise, signal_after: after.signal,
      noise_after: after.noise, x: lend(step.current.x), output: lend(step.current.output), x0: lend(step.x0))
  }
}
