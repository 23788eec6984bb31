import Foundation

/// What can be told of a file before there is anything to write.
extension OutputFile {
  /// - Throws: `Failure` 73 where nothing can be written as `name`.
  static func check(_ name: FileName) throws {
    let status = name.status
    guard status?.isFolder != true else { throw Failure(.cannotCreate, "is a folder; use -d to write into it") }
    guard status?.isRegular ?? true else { return }
    let target = try followed(name)
    if let status, target.withPath({ access($0, W_OK) }) != 0, geteuid() != 0 || status.st_mode & 0o222 == 0 {
      throw Failure(.cannotCreate, errno: EACCES)
    }
    try check(folder: target.folder)
  }

  /// - Throws: `Failure` 73 where no file can be made in `folder`.
  static func check(folder: FileName) throws {
    guard let status = folder.status else { throw Failure(.cannotCreate, "no folder \(folder) is there; make it") }
    guard status.isFolder else { throw Failure(.cannotCreate, "\(folder) is no folder") }
    guard folder.withPath({ access($0, W_OK) }) == 0 else { throw Failure(.cannotCreate, "\(folder) is not writable") }
  }

  /// Where a chain of symbolic links ends, there or not.
  static func followed(_ name: FileName) throws -> FileName {
    var name = name
    for _ in 0..<40 {
      var target = [UInt8](repeating: 0, count: Int(PATH_MAX))
      let count = name.withPath { path in
        target.withUnsafeMutableBytes { readlink(path, $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count) }
      }
      guard count >= 0 else { return name }
      let link = FileName(bytes: Array(target.prefix(count)))
      name = link.bytes.first == UInt8(ascii: "/") ? link : name.folder.appending(link.bytes)
    }
    throw Failure(.cannotCreate, errno: ELOOP)
  }
}
