import CPlugin
import Diffusion

/// The host's services as what a Swift conditioner asks of a model. Lives as long as the call it came with; super-resolution's
/// schedule and noise levels do not cross.
struct Host: ConditioningModel, @unchecked Sendable {
  private let host: UnsafePointer<ldm_host>

  init(_ host: UnsafePointer<ldm_host>) { self.host = host }

  var name: String { host.pointee.model.map { String(cString: $0) } ?? "" }
  var inputChannels: Int { Int(host.pointee.input_channels) }
  var latentChannels: Int { Int(host.pointee.latent_channels) }
  var latentFactor: Int { Int(host.pointee.latent_factor) }
  var readsText: Bool { host.pointee.reads_text != 0 }
  var lowResolutionSchedule: NoiseSchedule? { nil }
  var maximumNoiseLevel: Int? { nil }
  var defaultNoiseLevel: Int { 0 }

  /// A service failed; the host knows why.
  private struct Refused: Error {}

  /// Its tokens: the text as a whole does not cross.
  func encode(text: String) throws -> TextEncoding {
    TextEncoding(tokens: try result { host.pointee.encode_text(host, text, $0) })
  }

  /// Draws come from the host's stream, which `noise` stands for.
  func encode(_ picture: Tensor, _ encoding: Encoding, noise: inout Noise) throws -> Tensor {
    try withExtendedLifetime(picture) {
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
    Noise { count in
      [Float](unsafeUninitializedCapacity: count) { buffer, filled in
        _ = host.pointee.random(host, buffer.baseAddress, count)
        filled = count
      }
    }
  }

  func put(_ part: ldm_part, _ tensor: Tensor) throws {
    let status = withExtendedLifetime(tensor) {
      withUnsafePointer(to: ldm_tensor(lending: tensor)) { host.pointee.put(host, part, $0) }
    }
    guard status == 0 else { throw Refused() }
  }

  func put(_ number: ldm_number, _ value: Double) throws {
    guard host.pointee.put_number(host, number, value) == 0 else { throw Refused() }
  }

  var options: PluginOptions {
    let list = UnsafeBufferPointer(start: host.pointee.options, count: host.pointee.option_count)
    return PluginOptions(list.map { (String(cString: $0.name), String(cString: $0.value)) })
  }

  /// Runs `body`; an error that Swift throws becomes the line that the host tells.
  func answering(_ body: (Host) throws -> Void) -> Int32 {
    do {
      try body(self)
      return 0
    } catch is Refused {
      return 1
    } catch {
      return host.pointee.fail(host, "\(error)")
    }
  }
}
