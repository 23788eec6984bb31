import Foundation

/// Limits that a container, a service manager or an administrator set for this process (cgroups(7), of either version).
enum ControlGroup {
  /// Processors that the quota amounts to, rounded up; nil where there is none.
  static var processors: Int? {
    folders(of: "cpu").compactMap { folder in
      let max = words(in: "\(folder)/cpu.max")
      let quota = max.first.flatMap(Double.init) ?? number(in: "\(folder)/cpu.cfs_quota_us").map(Double.init)
      let period = max.last.flatMap(Double.init) ?? number(in: "\(folder)/cpu.cfs_period_us").map(Double.init)
      guard let quota, let period, quota > 0, period > 0 else { return nil }
      return Swift.max(Int((quota / period).rounded(.up)), 1)
    }.min()
  }

  /// Bytes of memory that are left; nil where there is no limit.
  static var memory: Int? {
    folders(of: "memory").compactMap { folder in
      guard let limit = number(in: "\(folder)/memory.max") ?? number(in: "\(folder)/memory.limit_in_bytes"),
        let used = number(in: "\(folder)/memory.current") ?? number(in: "\(folder)/memory.usage_in_bytes")
      else { return nil }
      // What was read of files stays in memory until it is wanted for something else.
      let facts = words(in: "\(folder)/memory.stat")
      let place = facts.firstIndex(of: "total_inactive_file") ?? facts.firstIndex(of: "inactive_file")
      let idle = place.flatMap { facts.dropFirst($0 + 1).first }.flatMap { Int($0) } ?? 0
      return Swift.min(Swift.max(limit - used + idle, 0), limit)
    }.min()
  }

  /// The group's folder and those above it, whose limits hold too. In a container the path may be that of the host, and
  /// the top folder be the group's own.
  private static func folders(of controller: String) -> [String] {
    // "0::/user.slice/a" of version 2; "4:cpu,cpuacct:/a" of version 1.
    let lines = (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8))?.split(separator: "\n") ?? []
    return lines.flatMap { line -> [String] in
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3, fields[1].isEmpty || fields[1].split(separator: ",").contains(Substring(controller))
      else { return [] }
      let top = "/sys/fs/cgroup" + (fields[1].isEmpty ? "" : "/\(fields[1])")
      let path = fields[2].split(separator: "/")
      return (0...path.count).map { ([top] + path.prefix($0).map(String.init)).joined(separator: "/") }
    }
  }

  private static func words(in path: String) -> [String] {
    (try? String(contentsOfFile: path, encoding: .utf8))?.split(whereSeparator: \.isWhitespace).map(String.init) ?? []
  }

  private static func number(in path: String) -> Int? { words(in: path).first.flatMap { Int($0) } }
}
