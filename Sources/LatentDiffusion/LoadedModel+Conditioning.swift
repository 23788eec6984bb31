import Diffusion
import Models

/// Conditioners see the model through this: what it encodes may be large. All else is the model's own, what the protocols have
/// defaults for included.
extension LoadedModel: ConditioningModel {
  var name: String { model.name }
  var inputChannels: Int { model.inputChannels }
  var inpaintingInput: InpaintingInput? { model.inpaintingInput }
  var lowResolutionSchedule: NoiseSchedule? { model.lowResolutionSchedule }
  var maximumNoiseLevel: Int? { model.maximumNoiseLevel }
  var defaultNoiseLevel: Int { model.defaultNoiseLevel }
  var labels: Int? { model.labels }
  var readsText: Bool { model.readsText }
  var latentFactor: Int { model.latentFactor }
  var latentChannels: Int { model.latentChannels }
  var emptyNegativeIsZero: Bool { model.emptyNegativeIsZero }
  var encodesNothing: Bool { model.encodesNothing }
  var microConditioning: MicroConditioning? { model.microConditioning }

  func encode(text: String) throws -> TextEncoding { try model.encode(text: text) }
  func encode(_ prompt: Prompt) throws -> TextEncoding { try model.encode(prompt) }

  /// A picture of a size that is a multiple of the latent factor. One that is cut into tiles is encoded by the mean, and
  /// draws nothing.
  func encode(_ picture: Tensor, _ encoding: Encoding, noise: inout Noise) throws -> Tensor {
    let size = Size(height: picture.shape[2], width: picture.shape[3])
    guard tiles(height: size.height / latentFactor, width: size.width / latentFactor, .encoder).count > 1 else {
      return model.encode(picture, encoding, noise: &noise)
    }
    return try encode(size) { $0.cut(picture) }
  }
}
