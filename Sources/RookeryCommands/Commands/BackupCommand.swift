import ArgumentParser
import Foundation
import Glibc
import RookeryModel
import RookeryStore

/// `rookery backup`
struct BackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup", abstract: "Copy the registry and every session, while the server runs.",
    discussion: """
      The copy is a directory: registry, sessions, and a manifest. Keys (authority.pem and secrets.keys in the server's directory) are \
      not in it, so that a copy that gets lost opens nothing; keep them apart. Snapshots are not in it either: a session whose \
      snapshot is gone starts from its image and its pushed branch.
      """)

  @Argument(help: "A directory that does not exist.", completion: .directory)
  var target: String

  @OptionGroup var data: DataOptions
  @OptionGroup var output: JSONOption

  func run() async throws {
    let terminal = Terminal()
    let layout = try data.layout()
    let path = URL(fileURLWithPath: target).standardizedFileURL.path
    let parent = (path as NSString).deletingLastPathComponent
    // What root makes in the server's directory, the server could not use: SQLite's own files beside a database, for instance.
    let owner = try FileOwner(of: layout.registry)
    let staging = geteuid() == 0 ? "\(layout.serve)/.backup" : path
    if staging != path { try? FileManager.default.removeItem(atPath: staging) }
    let manifest = try owner.acting { try Backup(path: staging).write(of: layout.serve, product: Program.version) }
    if staging != path {
      guard !FileManager.default.fileExists(atPath: path) else {
        try? FileManager.default.removeItem(atPath: staging)
        throw RookeryError(.conflict, "There is something at \(path) already.", mend: "Name a directory that does not exist.")
      }
      try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
      try FileManager.default.moveItem(atPath: staging, toPath: path)
      try FileOwner(user: 0, group: 0).give(path)
    }
    if output.json { return try terminal.json(manifest) }
    terminal.line("\(manifest.sessions.count) sessions and the registry are in \(path)")
    terminal.note("Keys are not: keep \(layout.serve)/authority.pem and \(layout.serve)/secrets.keys apart.")
  }
}

/// `rookery restore`
struct RestoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Put a backup into a data directory that has no server's data.",
    discussion: """
      Put the keys back into the server's directory first, if you have them. Then start the server: lists and search are made again \
      from the sessions. Clients begin again, since each session has a new generation.
      """)

  @Argument(help: "The directory that “rookery backup” made.", completion: .directory)
  var source: String

  @OptionGroup var data: DataOptions
  @OptionGroup var output: JSONOption

  func run() async throws {
    let terminal = Terminal()
    let layout = try data.layout()
    if geteuid() == 0 { try layout.prepare(users: SystemUsers.find()) }
    try FileManager.default.createDirectory(atPath: layout.serve, withIntermediateDirectories: true)
    let lock = try FileLock(
      path: layout.serve + "/serve.lock", message: "A server works on \(layout.serve).", mend: "Stop it first: “rookery down”.")
    let manifest = try Backup(path: URL(fileURLWithPath: source).standardizedFileURL.path).restore(to: layout.serve)
    if geteuid() == 0 { try FileOwner(of: layout.serve).give(layout.serve) }
    withExtendedLifetime(lock) {}
    if output.json { return try terminal.json(manifest) }
    terminal.line("\(manifest.sessions.count) sessions as of \(Quantity.ago(manifest.created)) are in \(layout.data)")
  }
}

/// Who owns a file.
private struct FileOwner {
  let user: UInt32
  let group: UInt32

  init(user: UInt32, group: UInt32) {
    self.user = user
    self.group = group
  }

  init(of path: String) throws {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    guard let user = attributes?[.ownerAccountID] as? NSNumber, let group = attributes?[.groupOwnerAccountID] as? NSNumber else {
      throw RookeryError(.notFound, "There is no server's data: \(path) is missing.", mend: "Name the data directory with --data.")
    }
    self.init(user: user.uint32Value, group: group.uint32Value)
  }

  /// Runs `body` as this user where we are root.
  func acting<Value>(_ body: () throws -> Value) throws -> Value {
    guard geteuid() == 0, user != 0 else { return try body() }
    guard setegid(group) == 0, seteuid(user) == 0 else { throw RookeryError.hostUnsupported("seteuid(\(user))") }
    defer {
      _ = seteuid(0)
      _ = setegid(0)
    }
    return try body()
  }

  /// Makes everything at and below `path` theirs.
  func give(_ path: String) throws {
    let below = try FileManager.default.subpathsOfDirectory(atPath: path).map { "\(path)/\($0)" }
    for file in [path] + below where lchown(file, user, group) != 0 { throw RookeryError.hostUnsupported("chown(\(file))") }
  }
}

extension RookeryError {
  fileprivate static func hostUnsupported(_ step: String) -> RookeryError {
    RookeryError(.hostUnsupported, "\(step) failed: \(String(cString: strerror(errno))).", mend: "Run it as root.")
  }
}
