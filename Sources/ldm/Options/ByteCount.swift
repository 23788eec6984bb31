import ArgumentParser

/// A size in bytes: "3G", "512M", "1.5GiB", "100000". Powers of 1024, as memory is counted.
struct ByteCount: ExpressibleByArgument, Equatable {
  let bytes: Int

  init(bytes: Int) { self.bytes = bytes }

  init?(argument: String) {
    var digits = argument[...]
    for ending in ["iB", "B"] where digits.hasSuffix(ending) {
      digits.removeLast(ending.count)
      break
    }
    var unit = 1.0
    if let last = digits.last, let power = Array("KMGT").firstIndex(of: Character(last.uppercased())) {
      digits.removeLast()
      for _ in 0...power { unit *= 1024 }
    }
    // Double would read more than is meant: "0x10", "nan", "1e3".
    guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber || $0 == "." }), let number = Double(digits),
      number * unit < 0x1p60
    else { return nil }
    bytes = Int(number * unit)
  }
}

extension ByteCount: CustomStringConvertible {
  /// "3.1 GiB".
  var description: String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var (value, unit) = (Double(bytes), 0)
    while value >= 1024 && unit < units.count - 1 { (value, unit) = (value / 1024, unit + 1) }
    let rounded = (value * 10).rounded() / 10
    return rounded == rounded.rounded() ? "\(Int(rounded)) \(units[unit])" : "\(rounded) \(units[unit])"
  }
}
