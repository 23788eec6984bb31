import Layers
import Synchronization

/// The parts of a model work one after another: text encoders, the UNet for many steps, the autoencoder. When one begins,
/// the weights of the others, where they are mapped, leave the process's memory.
final class Shifts: Sendable {
  enum Part: Sendable { case text, unet, autoencoder }

  private let packs: [(part: Part, packs: PartPacks)]
  private let working = Mutex<Part?>(nil)

  /// - Parameter packs: by diffusers' names of the parts.
  init(_ packs: [String: PartPacks]) {
    self.packs = packs.map { name, packs in
      switch name {
      case "unet": (.unet, packs)
      case "vae", "vqvae": (.autoencoder, packs)
      default: (.text, packs)
      }
    }
  }

  func begin(_ part: Part) {
    let before = working.withLock { working in
      defer { working = part }
      return working
    }
    guard let before, before != part else { return }
    for other in packs where other.part == before { other.packs.rest() }
  }
}
