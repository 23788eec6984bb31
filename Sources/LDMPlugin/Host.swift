import CPlugin
import Diffusion

/// The host's services as what a Swift conditioner asks of a model. They last as long as the call they came with, what is
/// known of the model for ever; super-resolution's schedule and noise levels do not cross.
struct Host: ConditioningModel {
  let name: String
  let inputChannels, latentChannels, latentFactor: Int
  let readsText: Bool
  private let call: Call

  /// Conditioners may keep a model or a noise past the call.
  private final class Call: @unchecked Sendable {  // A plug-in's functions run one at a time.
    var host: UnsafePointer<ldm_host>?

    init(_ host: UnsafePointer<ldm_host>) { self.host = host }
  }

  init(_ host: UnsafePointer<ldm_host>) {
    call = Call(host)
    name = host.pointee.model.map { String(cString: $0) } ?? ""
    (inputChannels, latentChannels) = (Int(host.pointee.input_channels), Int(host.pointee.latent_channels))
    (latentFactor, readsText) = (Int(host.pointee.latent_factor), host.pointee.reads_text != 0)
  }

  var lowResolutionSchedule: NoiseSchedule? { nil }
  var maximumNoiseLevel: Int? { nil }
  var defaultNoiseLevel: Int { 0 }

  /// A service failed; the host knows why.
  private struct Refused: Error {}

  private func host() throws -> UnsafePointer<ldm_host> {
    guard let host = call.host else {
      throw ConditioningError.missing(what: "its model while prepare or condition runs, not later", by: "a closure")
    }
    return host
  }

  /// Its tokens: the text as a whole does not cross.
  func encode(text: String) throws -> TextEncoding {
    let host = try host()
    return TextEncoding(tokens: try result { host.pointee.encode_text(host, text, $0) })
  }

  /// Draws come from the host's stream, which `noise` stands for.
  func encode(_ picture: Tensor, _ encoding: Encoding, noise: inout Noise) throws -> Tensor {
    let host = try host()
    return try withExtendedLifetime(picture) {
      try withUnsafePointer(to: ldm_tensor(lending: picture)) { lent in
        try result { host.pointee.encode_image(host, lent, encoding == .sample ? 1 : 0, $0) }
      }
    }
  }

  private func result(_ body: (UnsafeMutablePointer<ldm_tensor>) -> Int32) throws -> Tensor {
    var lent = ldm_tensor()
    guard body(&lent) == 0, let tensor = Tensor(lent) else { throw Refused() }
    return tensor
  }

  /// The host's one stream of random numbers.
  var noise: Noise {
    Noise { [call] count in
      [Float](unsafeUninitializedCapacity: count) { buffer, filled in
        guard let host = call.host, host.pointee.random(host, buffer.baseAddress, count) == 0 else {
          preconditionFailure("noise is drawn in condition alone")
        }
        filled = count
      }
    }
  }

  func put(_ part: ldm_part, _ tensor: Tensor) throws {
    let host = try host()
    let status = withExtendedLifetime(tensor) {
      withUnsafePointer(to: ldm_tensor(lending: tensor)) { host.pointee.put(host, part, $0) }
    }
    guard status == 0 else { throw Refused() }
  }

  func put(_ number: ldm_number, _ value: Double) throws {
    let host = try host()
    guard host.pointee.put_number(host, number, value) == 0 else { throw Refused() }
  }

  func options() throws -> PluginOptions {
    let host = try host()
    let list = UnsafeBufferPointer(start: host.pointee.options, count: host.pointee.option_count)
    return PluginOptions(list.map { (String(cString: $0.name), String(cString: $0.value)) })
  }

  /// Runs `body` with the services of `host`; an error that Swift throws becomes the line that the host tells.
  static func serving(_ host: UnsafePointer<ldm_host>, _ body: (Host) throws -> Void) -> Int32 {
    let own = Host(host)
    defer { own.call.host = nil }
    do {
      try body(own)
      return 0
    } catch is Refused {
      return 1
    } catch {
      return host.pointee.fail(host, "\(error)")
    }
  }
}
