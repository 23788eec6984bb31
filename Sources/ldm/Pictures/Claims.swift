import Foundation
import Synchronization

/// The places of results: each is taken before any work is done for it, none twice, and none that an input has.
final class Claims: Sendable {
  private struct State {
    /// The files that are results of this process, and whose.
    var owners: [FileName: String] = [:]
    var inputs: Set<FileIdentity> = []
  }

  private let state = Mutex(State())
  private let skipExisting, noClobber: Bool
  /// That of `-d`, made where it is missing.
  private let folder: FileName?

  init(skipExisting: Bool, noClobber: Bool, folder: FileName?) {
    (self.skipExisting, self.noClobber, self.folder) = (skipExisting, noClobber, folder)
  }

  /// Inputs, before the first of them is read.
  func keep(_ sources: [Source]) {
    let files = sources.compactMap(\.identity)
    state.withLock { $0.inputs.formUnion(files) }
  }

  /// - Parameter label: of the input.
  /// - Returns: false where `--skip-existing` leaves the result out.
  /// - Throws: `Failure` for what can be known to fail.
  func claim(_ name: FileName, for label: String, source: Source?) throws -> Bool {
    if let owner = state.withLock({ $0.owners[name] }) {
      throw Failure(.cannotCreate, "its result \(name) is that of \(owner) already; use -o with {n} in the name")
    }
    let status = name.status
    let isLeftOut = skipExisting && status != nil
    if !isLeftOut {
      if noClobber, status != nil { throw Failure(.cannotCreate, "\(name) exists already") }
      if let status { try checkInputs(name, FileIdentity(status), source) }
      try checkPlace(of: name)
    }
    // A device or a FIFO takes one result after another.
    if status?.isRegular ?? true { state.withLock { $0.owners[name] = label } }
    return !isLeftOut
  }

  /// Results under the inputs' names replace none of them; one that is named in full may be its own input.
  private func checkInputs(_ name: FileName, _ file: FileIdentity, _ source: Source?) throws {
    if file == source?.identity {
      guard folder != nil else { return }
      throw Failure(.cannotCreate, "its result would replace it; give --suffix, or another folder")
    }
    if state.withLock({ $0.inputs.contains(file) }) {
      throw Failure(.cannotCreate, "its result would replace \(name), another input; give it another place")
    }
  }

  private func checkPlace(of name: FileName) throws {
    if let folder {
      do {
        try OutputFile.check(folder: folder.nearestThere)
      } catch var failure as Failure {
        failure.stopsAll = true  // no other result has a place there
        throw failure
      }
      guard folder.status != nil else { return }
    }
    try Failure.naming(name) { try OutputFile.check(name) }
  }
}
