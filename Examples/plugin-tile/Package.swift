// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "plugin-tile",
  products: [.library(name: "tile", type: .dynamic, targets: ["Tile"])],
  dependencies: [.package(name: "LatentDiffusion", path: "../..")],
  targets: [.target(name: "Tile", dependencies: [.product(name: "LDMPlugin", package: "LatentDiffusion")])],
  swiftLanguageModes: [.v6])
