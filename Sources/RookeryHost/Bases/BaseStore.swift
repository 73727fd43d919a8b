import Foundation
import Glibc
import RookeryControl
import RookeryModel

/// The bases of this machine, as those who make and remove them see them. A base appears whole or not at all, and is never changed.
struct BaseStore {
  let cacheDirectory: String
  private let cache: Directory
  private let bases: Directory

  var catalogue: BaseCatalogue { BaseCatalogue(cacheDirectory: cacheDirectory) }

  /// Opens the store and locks it: of two makers at once the second waits for the first. The kernel drops the lock with the process.
  init(cacheDirectory: String, progress: (String) -> Void) throws {
    guard geteuid() == 0 else {
      throw RookeryError(.hostUnsupported, "Making and removing bases needs root.", mend: "Run it as root: “sudo rookery base …”.")
    }
    self.cacheDirectory = cacheDirectory
    cache = try Directory.make(path: cacheDirectory, mode: 0o755)
    if !cache.exists("bases") { try cache.makeDirectory("bases", mode: 0o755) }
    bases = try cache.existing("bases")
    guard flock(bases.descriptor, LOCK_EX | LOCK_NB) != 0 else { return }
    progress("Waiting for another process that makes a base.")
    guard flock(bases.descriptor, LOCK_EX) == 0 else { throw RookeryError.system("flock(bases)", errno) }
  }

  func contains(_ name: BaseName) throws -> Bool {
    try catalogue.list().contains { $0.name == name } && bases.exists(name.rawValue)
  }

  /// Makes a base of what `fill` puts into the directory at the path it is given.
  func add(_ name: BaseName, origin: String, progress: (String) -> Void, fill: (String) throws -> Void) throws {
    try removeLeftovers()
    let partial = ".\(name).partial"
    try bases.makeDirectory(partial, mode: 0o755)
    do {
      try fill("\(cacheDirectory)/bases/\(partial)")
      progress("Giving its files to the sandboxes' id range.")
      let tree = try bases.existing(partial)
      try Self.prepare(tree)
      try BaseOwnership.shift(tree)
      try tree.syncFileSystem()
    } catch {
      try? TreeWalk.remove(partial, in: bases)
      throw error
    }
    try bases.move(partial, to: bases, as: name.rawValue)
    try bases.sync()
    try write(try catalogue.list().filter { $0.name != name } + [BaseRecord(name: name, created: Date(), origin: origin)])
    progress("The base \(name) is ready.")
  }

  /// Removes a base that is listed. Whoever calls has seen to it that nothing stands on it.
  func remove(_ name: BaseName) throws {
    guard try catalogue.list().contains(where: { $0.name == name }) else {
      throw RookeryError(.notFound, "There is no base \(name).", mend: "List them: “rookery base list”.")
    }
    try write(try catalogue.list().filter { $0.name != name })
    try removeLeftovers()
  }

  private func write(_ records: [BaseRecord]) throws {
    try cache.write(BaseCatalogue.listName, JSON.encode(records), mode: 0o644, durable: true)
  }

  /// What a crash or a removal left: never listed, so never in use.
  private func removeLeftovers() throws {
    let listed = Set(try catalogue.list().map(\.name.rawValue))
    for name in try bases.names() where !listed.contains(name) { try TreeWalk.remove(name, in: bases) }
  }

  /// Makes the places that sandboxes mount on, and takes away what belongs to the machine that made the tree.
  private static func prepare(_ tree: Directory) throws {
    for name in ["dev", "proc", "sys", "run", "tmp"] {
      try? TreeWalk.remove(name, in: tree)
      try tree.makeDirectory(name, mode: name == "tmp" ? 0o1777 : 0o755)
    }
    guard let etc = try tree.directory("etc") else {
      throw RookeryError(
        .badRequest, "It has no /etc: it is not a root filesystem.", mend: "Name the directory that holds bin, etc and usr.")
    }
    for name in ["hosts", "resolv.conf"] {
      try? TreeWalk.remove(name, in: etc)
      try etc.write(name, Data(), mode: 0o644, durable: false)
    }
    try? TreeWalk.remove("hostname", in: etc)
    try etc.write("hostname", Data("\(BubblewrapArguments.hostname)\n".utf8), mode: 0o644, durable: false)
    try BaseAccount(tree: tree).ensure()
  }
}
