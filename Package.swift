// swift-tools-version: 6.1
import PackageDescription

/// Each target imports only targets above it in this list: the list is the reading order.
let package = Package(
  name: "LatentDiffusion",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "ldm", targets: ["ldm"]),
    .library(name: "LatentDiffusion", targets: ["LatentDiffusion"]),
    .library(name: "Diffusion", targets: ["Diffusion"]),
    .library(name: "LDMPlugin", targets: ["LDMPlugin"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
  ],
  targets: [
    // C borders: image codecs, checksums, and the kernels.
    .target(name: "CJPEG", linkerSettings: [.linkedLibrary("jpeg")]),
    .target(name: "CPNG", linkerSettings: [.linkedLibrary("png")]),
    .target(
      name: "CWebP",
      linkerSettings: [.linkedLibrary("webp"), .linkedLibrary("webpdemux"), .linkedLibrary("webpmux")]),
    .target(name: "CLCMS", linkerSettings: [.linkedLibrary("lcms2")]),
    .target(name: "CCrypto", linkerSettings: [.linkedLibrary("crypto")]),
    .target(name: "CKernels", linkerSettings: [.linkedLibrary("gomp"), .linkedLibrary("m")]),

    .target(name: "CPlugin"),

    // The engine.
    .target(name: "Tensors", dependencies: ["CKernels"]),
    .target(name: "Images", dependencies: ["Tensors", "CJPEG", "CPNG", "CWebP", "CLCMS"]),
    .target(name: "Diffusion", dependencies: ["Tensors", "Images"], exclude: ["README.md"]),
    .target(name: "Weights", dependencies: ["Tensors", "CKernels", "CCrypto"], resources: [.copy("Families")]),
    .target(name: "Layers", dependencies: ["Tensors", "Weights", "CKernels"]),
    .target(name: "Models", dependencies: ["Diffusion", "Layers"]),

    // The conditioners: each knows the core alone.
    .target(name: "TextToImage", dependencies: ["Diffusion"], path: "Plugins/TextToImage"),
    .target(name: "ImageToImage", dependencies: ["Diffusion"], path: "Plugins/ImageToImage"),
    .target(name: "Inpainting", dependencies: ["Diffusion"], path: "Plugins/Inpainting"),
    .target(name: "SuperResolution", dependencies: ["Diffusion"], path: "Plugins/SuperResolution"),
    .target(name: "Depth", dependencies: ["Diffusion"], path: "Plugins/Depth"),

    // A conditioner as a shared object, for `ldm --plugin`.
    .target(name: "LDMPlugin", dependencies: ["Diffusion", "CPlugin"]),

    // What others import, what ships, what runs.
    .target(
      name: "LatentDiffusion",
      dependencies: ["Models", "LDMPlugin", "TextToImage", "ImageToImage", "Inpainting", "SuperResolution", "Depth"]),
    .target(
      name: "BuiltInModel", exclude: ["MODEL_CARD.md", "SOURCES-drawings.md", "SOURCES-photo.md", "photos.tsv"],
      resources: [.copy("model")]),
    .executableTarget(
      name: "ldm",
      dependencies: [
        "LatentDiffusion", "Weights", "BuiltInModel",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),

    .testTarget(name: "TensorsTests", dependencies: ["Tensors"]),
    .testTarget(name: "ImagesTests", dependencies: ["Images"], resources: [.copy("Fixtures")]),
    .testTarget(name: "DiffusionTests", dependencies: ["Diffusion"], resources: [.copy("Golden")]),
    .testTarget(name: "WeightsTests", dependencies: ["Weights", "Tensors"], resources: [.copy("Fixtures")]),
    .testTarget(name: "LayersTests", dependencies: ["Layers", "Weights", "CKernels"]),
    .testTarget(name: "ModelsTests", dependencies: ["Models", "Weights"], resources: [.copy("Golden")]),
    .testTarget(
      name: "LatentDiffusionTests", dependencies: ["LatentDiffusion", "LDMPlugin", "Weights"],
      resources: [.copy("Golden")]),
    .testTarget(name: "CommandLineTests", dependencies: ["ldm", "LatentDiffusion", "Weights"]),
  ],
  swiftLanguageModes: [.v6]
)

// A driver that feeds damaged files to every parser (Tests/Fuzz/fuzz.sh); nobody else is to build it.
if Context.environment["LDM_FUZZ"] != nil {
  package.targets.append(
    .executableTarget(name: "ldm-fuzz", dependencies: ["Images", "Weights"], path: "Tests/Fuzz/Driver"))
}
