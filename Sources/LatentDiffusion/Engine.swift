import Diffusion

/// A loaded model and the tasks it can do.
public final class Engine: Sendable {
  /// Loads the model folder at `path` (diffusers layout; or a folder of them, one per task, as the built-in model).
  public init(modelAt path: String, precision: Precision = .auto, threads: Int? = nil) throws {
    fatalError("being written")
  }

  /// The picture `[1, 3, H, W]` in -1...1. `progress` is called after each step; what it throws stops the run.
  public func run(_ job: Job, progress: (Progress) throws -> Void = { _ in }) throws -> Tensor {
    fatalError("being written")
  }

  /// Picture `[1, 3, H, W]` → latents `[1, C, h, w]`, by the mean; any size (padded by reflection to the factor).
  public func encode(_ picture: Tensor) throws -> Tensor { fatalError("being written") }

  /// Latents → picture.
  public func decode(_ latents: Tensor) throws -> Tensor { fatalError("being written") }
}

/// Number format of the heavy products.
public enum Precision: String, Sendable, CaseIterable { case auto, f32, bf16 }
