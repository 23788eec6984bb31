// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "plugin-outpaint",
  products: [.library(name: "outpaint", type: .dynamic, targets: ["Outpaint"])],
  dependencies: [.package(name: "LatentDiffusion", path: "../..")],
  targets: [.target(name: "Outpaint", dependencies: [.product(name: "LDMPlugin", package: "LatentDiffusion")])],
  swiftLanguageModes: [.v6])
