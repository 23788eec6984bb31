import Diffusion
import Layers
import Weights

/// Pictures ↔ latents.
public protocol Autoencoder: Sendable {
  var latentChannels: Int { get }
  /// Pixels per latent along each axis: the f of the paper.
  var factor: Int { get }
  /// Values for each pixel of the picture in the largest maps of either half: what memory goes by.
  var valuesPerPixel: (encoder: Int, decoder: Int) { get }
  /// Picture `[N, 3, H, W]` in -1...1 → latents `[N, C, H/f, W/f]` as the UNet knows them. `.sample` makes one draw of the
  /// latents' shape where the autoencoder is variational; others draw nothing.
  func encode(_ picture: Tensor, _ encoding: Encoding, noise: inout Noise) -> Tensor
  /// Latents as the UNet knows them → picture `[N, 3, f h, f w]`, about -1...1, not clamped.
  func decode(_ latents: Tensor) -> Tensor
}

/// The autoencoder that a config's `_class_name` means. `PatchAutoencoderKL` is the built-in model's own: diffusers' class with
/// a decoder of other levels (Examples/train/networks.py).
///
/// - Parameter scaled: false for pipelines that leave a codebook's latents as they are.
/// - Throws: `ConfigError` where this engine has no such class; what its `init` throws.
package func makeAutoencoder(_ p: Parameters, _ config: Config, scaled: Bool) throws -> any Autoencoder {
  switch try config.string("_class_name", default: "AutoencoderKL") {
  case "AutoencoderKL", "PatchAutoencoderKL": try AutoencoderKL(p, config: AutoencoderConfig(config))
  case "VQModel": try VQModel(p, config: VQConfig(config, scaled: scaled))
  case "AutoencoderTiny": try AutoencoderTiny(p, config: AutoencoderTinyConfig(config))
  default: throw config.invalid("_class_name", "AutoencoderKL, PatchAutoencoderKL, VQModel or AutoencoderTiny")
  }
}
