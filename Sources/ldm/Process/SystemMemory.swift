import Foundation

/// What the machine, or the container, has to spare.
enum SystemMemory {
  /// Bytes that this process may still take without anybody swapping; nil where the system does not tell.
  static var available: Int? {
    let lines = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8))?.split(separator: "\n") ?? []
    let words = lines.first { $0.hasPrefix("MemAvailable:") }?.split(separator: " ") ?? []
    guard words.count >= 2, let kilobytes = Int(words[1]) else { return nil }
    return min(kilobytes << 10, ControlGroup.memory ?? .max)
  }
}
