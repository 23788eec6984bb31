import Foundation
import Tensors

/// Bytes that stay where they are: a file mapped read-only, or memory.
///
/// The size is the file's at opening. A file that is cut short while it is mapped kills the process by SIGBUS at the
/// next read behind its new end, as with every mapped file: replace models by renaming, never by writing into them.
public final class MappedFile: @unchecked Sendable {
  /// For messages.
  public let name: String
  public let bytes: UnsafeRawBufferPointer
  /// When the file was last written to, in nanoseconds since 1970; 0 for memory.
  let changed: Int
  private let mapped: Bool
  /// Whose elements the bytes are.
  private let held: Tensor?

  /// - Throws: `WeightsError.unreadable` where there is no such file or it is not a regular one.
  public init(at path: String) throws(WeightsError) {
    name = path
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unreadable(file: path, why: String(cString: strerror(errno))) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw .unreadable(file: path, why: "not a regular file")
    }
    let size = Int(status.st_size)
    guard size > 0 else { throw .unreadable(file: path, why: "the file is empty") }
    guard let base = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
      throw .unreadable(file: path, why: "cannot be mapped: \(String(cString: strerror(errno)))")
    }
    bytes = UnsafeRawBufferPointer(start: base, count: size)
    #if os(Linux)
      let time = status.st_mtim
    #else
      let time = status.st_mtimespec
    #endif
    changed = time.tv_sec * 1_000_000_000 + time.tv_nsec
    mapped = true
    held = nil
  }

  /// A copy of bytes in memory (latents from a pipe).
  public init(name: String, contents: [UInt8]) {
    self.name = name
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: contents.count, alignment: 64)
    copy.copyBytes(from: contents)
    bytes = UnsafeRawBufferPointer(copy)
    changed = 0
    mapped = false
    held = nil
  }

  /// A tensor's elements where they are.
  init(name: String, holding tensor: Tensor) {
    self.name = name
    // They stay in place: a tensor that others hold is not written to.
    bytes = tensor.withElements { UnsafeRawBufferPointer($0) }
    changed = 0
    mapped = false
    held = tensor
  }

  /// Tells the system that bytes were read and copied: pages wholly inside `range` no longer count as the process's
  /// memory (a model in f16 would weigh half as much again as its f32 copy). Read again, they come from the file again.
  package func release(_ range: Range<Int>) {
    guard mapped else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let (start, end) = ((range.lowerBound + page - 1) / page * page, range.upperBound / page * page)
    guard start < end else { return }
    madvise(UnsafeMutableRawPointer(mutating: bytes.baseAddress! + start), end - start, MADV_DONTNEED)
  }

  deinit {
    if mapped {
      munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress!), bytes.count)
    } else if held == nil {
      bytes.deallocate()
    }
  }
}
