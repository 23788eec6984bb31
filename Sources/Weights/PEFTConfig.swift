import Foundation

/// What PEFT's config says of the scale of one part's layers; diffusers writes it beside the tensors.
struct PEFTConfig {
  private var alpha: Double?
  /// α of the layers whose names end so.
  private var patterns: [(ending: String, alpha: Double)] = []
  /// α/√r in place of α/r: Kalajdzievski 2023, arXiv:2312.03732.
  private var isRankStabilized = false

  /// By part ("unet", "text_encoder").
  ///
  /// - Parameter metadata: of a safetensors file.
  static func parts(in metadata: [String: String]) -> [String: PEFTConfig] {
    guard let text = metadata["lora_adapter_metadata"],
      let json = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    else { return [:] }
    var result: [String: PEFTConfig] = [:]
    for (key, value) in json {
      guard let dot = key.firstIndex(of: ".") else { continue }
      var config = result[String(key[..<dot])] ?? PEFTConfig()
      switch key[key.index(after: dot)...] {
      case "lora_alpha": config.alpha = (value as? NSNumber)?.doubleValue
      case "use_rslora": config.isRankStabilized = (value as? Bool) ?? false
      case "alpha_pattern":
        let patterns = (value as? [String: NSNumber] ?? [:]).map { (ending: $0.key, alpha: $0.value.doubleValue) }
        config.patterns = patterns.sorted { ($0.ending.count, $0.ending) > ($1.ending.count, $1.ending) }
      default: continue
      }
      result[String(key[..<dot])] = config
    }
    return result
  }

  /// The α by which a layer of `rank` is scaled as α/r; nil where nothing is said.
  ///
  /// - Parameter layer: below the part.
  func alpha(of layer: some StringProtocol, rank: Int) -> Double? {
    let own = patterns.first { layer == $0.ending || layer.hasSuffix("." + $0.ending) }?.alpha
    guard let alpha = own ?? alpha else { return isRankStabilized ? Double(rank).squareRoot() : nil }
    return isRankStabilized ? alpha * Double(rank).squareRoot() : alpha
  }
}
