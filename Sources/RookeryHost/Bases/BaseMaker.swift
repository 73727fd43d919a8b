import Foundation
import Glibc
import RookeryControl
import RookeryModel

/// Makes the root filesystem that sandboxes start from: a small Debian, its files owned by the sandboxes' id range.
package struct BaseMaker: Sendable {
  /// What is installed beside Debian's minimal system: what agents and repositories' scripts expect to find.
  package static let packages = [
    "ca-certificates", "curl", "diffutils", "file", "git", "jq", "less", "make", "patch", "procps", "python3", "python3-pip",
    "python3-venv", "unzip", "xz-utils",
  ]

  private let cacheDirectory: String
  private let suite: String

  /// `suite`: a Debian release by name.
  package init(cacheDirectory: String, suite: String = "bookworm") {
    self.cacheDirectory = cacheDirectory
    self.suite = suite
  }

  /// Makes the base `name` unless it exists; about a minute and 400 MB. `progress` gets a line for each step.
  ///
  /// A base appears whole or not at all. Two makers at once: the second waits for the first. Needs root, mmdebstrap and the
  /// package mirror. Throws `hostUnsupported` with the reason.
  package func make(_ name: BaseName, progress: @escaping @Sendable (String) -> Void) async throws {
    try await BlockingThread.run(name: "base-make") { try makeBlocking(name, progress: progress) }
  }

  private func makeBlocking(_ name: BaseName, progress: @Sendable (String) -> Void) throws {
    guard geteuid() == 0 else {
      throw RookeryError(.hostUnsupported, "Making a base needs root.", mend: "Run it as root: “sudo rookery base make”.")
    }
    let cache = try Directory.make(path: cacheDirectory, mode: 0o755)
    if !cache.exists("bases") { try cache.makeDirectory("bases", mode: 0o755) }
    let bases = try cache.existing("bases")
    guard flock(bases.descriptor, LOCK_EX | LOCK_NB) == 0 || waitForLock(bases, progress) else {
      throw RookeryError.system("flock(bases)", errno)
    }
    let catalogue = BaseCatalogue(cacheDirectory: cacheDirectory)
    if try catalogue.list().contains(where: { $0.name == name }), bases.exists(name.rawValue) {
      return progress("The base \(name) is there.")
    }
    try removeLeftovers(in: bases)
    let partial = ".\(name).partial"
    try bases.makeDirectory(partial, mode: 0o755)
    do {
      progress("Installing Debian \(suite) with \(Self.packages.count) packages (about a minute).")
      try bootstrap("\(cacheDirectory)/bases/\(partial)", progress: progress)
      progress("Giving its files to the sandboxes' id range.")
      let tree = try bases.existing(partial)
      try prepare(tree)
      try BaseOwnership.shift(tree)
      try tree.syncFileSystem()
    } catch {
      try? TreeWalk.remove(partial, in: bases)
      throw error
    }
    try bases.move(partial, to: bases, as: name.rawValue)
    try bases.sync()
    let records = try catalogue.list().filter { $0.name != name } + [BaseRecord(name: name, created: Date())]
    try cache.write(BaseCatalogue.listName, JSON.encode(records), mode: 0o644, durable: true)
    progress("The base \(name) is ready.")
  }

  private func waitForLock(_ bases: Directory, _ progress: (String) -> Void) -> Bool {
    progress("Waiting for another process that makes a base.")
    return flock(bases.descriptor, LOCK_EX) == 0
  }

  /// What a crash left: never listed, so never in use.
  private func removeLeftovers(in bases: Directory) throws {
    let listed = Set(try BaseCatalogue(cacheDirectory: cacheDirectory).list().map(\.name.rawValue))
    for name in try bases.names() where !listed.contains(name) { try TreeWalk.remove(name, in: bases) }
  }

  private func bootstrap(_ target: String, progress: @Sendable (String) -> Void) throws {
    let command = DebianBootstrap(
      suite: suite, packages: Self.packages, target: target,
      hooks: [
        #"chroot "$1" useradd --uid 1000 --user-group --create-home --shell /bin/bash agent"#,
        #"mkdir -p "$1/workspace" "$1/opt/rookery/agents" && chown 1000:1000 "$1/workspace""#,
      ])
    try command.run(progress: progress)
  }

  /// Makes the places that sandboxes mount on, and takes away what belongs to the machine that made the tree.
  private func prepare(_ tree: Directory) throws {
    for name in ["dev", "proc", "sys", "run", "tmp"] {
      try? TreeWalk.remove(name, in: tree)
      try tree.makeDirectory(name, mode: name == "tmp" ? 0o1777 : 0o755)
    }
    let etc = try tree.existing("etc")
    for name in ["hosts", "resolv.conf"] { try etc.write(name, Data(), mode: 0o644, durable: false) }
    try etc.write("hostname", Data("\(BubblewrapArguments.hostname)\n".utf8), mode: 0o644, durable: false)
  }
}
