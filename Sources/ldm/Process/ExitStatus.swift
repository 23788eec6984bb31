/// sysexits(3), as far as they are used. Never 255: xargs would stop at it.
enum ExitStatus: Int32 {
  case done = 0
  /// Of several inputs, some failed.
  case someFailed = 1
  case usage = 64
  case badData = 65
  case noInput = 66
  case unavailable = 69
  case software = 70
  case cannotCreate = 73
  case inputOutput = 74
}
