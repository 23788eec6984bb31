import Foundation

/// What the machine, or the container, has to spare.
enum SystemMemory {
  /// Bytes that this process may still take without anybody swapping; nil where the system does not tell.
  static var available: Int? {
    guard let machine = number(after: "MemAvailable:", in: "/proc/meminfo").map({ $0 << 10 }) else { return nil }
    let group = "/sys/fs/cgroup/memory"  // of version 2, as containers see their own
    guard let limit = number(in: "\(group).max"), let used = number(in: "\(group).current") else { return machine }
    return min(machine, max(limit - used, 0))
  }

  private static func number(after key: String = "", in path: String) -> Int? {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
    let line = text.split(separator: "\n").first { $0.hasPrefix(key) }
    return line?.dropFirst(key.count).split(separator: " ").first.flatMap { Int($0) }
  }
}
