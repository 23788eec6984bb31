/// The product's version; CHANGELOG.md has what changed.
enum Version {
  static let number = "0.1.0"
}
