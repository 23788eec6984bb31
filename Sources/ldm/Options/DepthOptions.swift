import ArgumentParser
import LatentDiffusion

struct DepthOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Depth map, a grey picture in which near is bright, for models that read one.", valueName: "file"),
    completion: .file())
  var depthMap: String?

  /// `[1, 1, H, W]`; nil where none is given.
  func map(maximumPixels: Int) throws -> Tensor? {
    guard let depthMap else { return nil }
    let source = Source(depthMap)
    guard source != .standardInput else { throw Failure(.usage, "--depth-map - is not possible; name a file") }
    do {
      let image = try Image(
        decoding: Streams.picture(source, maximumPixels: maximumPixels), maximumPixels: maximumPixels)
      // Grey pictures have three equal channels here; of others the mean says how bright.
      let planes = image.tensor()
      let (red, green, blue) = (
        planes.slice(axis: 1, 0..<1), planes.slice(axis: 1, 1..<2), planes.slice(axis: 1, 2..<3)
      )
      return (red + green + blue) / 3
    } catch {
      let failure = Failure(error)
      throw Failure(failure.status, "\(source): \(failure.message ?? "")", stopsAll: true)
    }
  }
}
