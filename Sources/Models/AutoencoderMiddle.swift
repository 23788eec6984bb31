import Layers

/// The autoencoder's lowest level: a ResNet block, attention over the pixels where the model has it, a ResNet block.
struct AutoencoderMiddle: Sendable {
  private let first, second: ResnetBlock
  private let attention: PixelAttention?

  init(_ p: Parameters, width: Int, config: AutoencoderConfig) throws {
    first = try config.resnet(p["resnets.0"], inputs: width, outputs: width)
    attention = config.attends ? try PixelAttention(p["attentions.0"], channels: width, groups: config.groups) : nil
    second = try config.resnet(p["resnets.1"], inputs: width, outputs: width)
  }

  func callAsFunction(_ x: Tensor) -> Tensor {
    let h = first(x)
    return second(attention?(h) ?? h)
  }
}
