import Crypto
import Foundation
import RookeryConfiguration
import RookeryModel

/// The repository inside a build sandbox: how it gets there and how the environment file is read from its commit. Git runs
/// here only, as the agent's account, with hooks and everything else that a repository could make it run switched off.
struct WorkingCopy: Sendable {
  let shell: BuildShell
  let repository: RepositoryName
  /// The real URL: what `origin` shows. Git is told to reach it through the broker.
  let url: String
  let branch: String
  let commit: String

  var directory: String { "/workspace/\(repository)" }

  static let step = "clone"
  /// Bytes of an environment file that are read; a longer one is refused.
  static let environmentLimit = 64 << 10

  private static let git = [
    "git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
    "-c", "submodule.recurse=false", "-c", "protocol.allow=never", "-c", "protocol.http.allow=always", "-c", "advice.detachedHead=false",
    "-c", "http.followRedirects=false",
  ]

  /// A clone of everything, checked out at the commit.
  func clone() async throws {
    try await asRoot(["install", "-d", "-o", "1000", "-g", "1000", "/workspace", directory])
    try await configure()
    try await git(["clone", "--quiet", "--no-checkout", "--origin", "origin", "--branch", branch, "--", url, directory], in: "/workspace")
    try await checkOut()
  }

  /// The commit in the working copy of an earlier image. What git ignores stays: it is what makes the next setup quick.
  func fetch() async throws {
    try await configure()
    try await git(["remote", "set-url", "origin", url])
    try await git(["fetch", "--quiet", "--prune", "--force", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*"])
    try await checkOut()
    try await git(["clean", "-ffdq"])
  }

  /// A small text file of the commit; nil when there is none. Throws `environmentInvalid`.
  func text(of path: String) async throws -> String? {
    guard let object = try await object(of: path) else { return nil }
    let blob = try await output(["cat-file", "blob", object], limit: Self.environmentLimit + 1)
    guard blob.count <= Self.environmentLimit else {
      throw Self.invalid(path, "is larger than \(Self.environmentLimit >> 10) KiB")
    }
    guard let text = String(validating: blob, as: UTF8.self) else { throw Self.invalid(path, "is not UTF-8 text") }
    return text
  }

  /// A digest of the commit's files and directories at `paths`, absent ones included; nil when none is named.
  func inputs(_ paths: [String]) async throws -> String? {
    guard !paths.isEmpty else { return nil }
    var hash = SHA256()
    for path in paths {
      let listing = try await output(["ls-tree", "-z", commit, "--", path], limit: 64 << 10)
      hash.update(data: Data("\(path.utf8.count):\(path)\(listing.count):".utf8))
      hash.update(data: Data(listing))
    }
    return hash.finalize().map { String(format: "%02x", $0) }.joined()
  }

  /// How many changes setup left that git doesn't ignore: a session's first commit would hold them.
  func changes() async throws -> Int {
    let status = try await output(["status", "--porcelain", "--untracked-files=normal"], limit: 1 << 20)
    return status.count { $0 == 0x0a }
  }

  /// Gives the working copy to the agent's account. Files that belong to it already are left
  /// alone: a change of owner would copy them up from a lower layer.
  func handOver() async throws {
    try await asRoot(
      [
        "find", directory, "-xdev", "(", "!", "-uid", "1000", "-o", "!", "-gid", "1000", ")", "-exec", "chown", "-h", "1000:1000", "{}",
        "+",
      ])
    // What each session's first step would have to make, while its agent waits.
    try await asRoot(
      [
        "install", "-d", "-o", "1000", "-g", "1000", "/home/agent/.config", "/home/agent/.config/git",
        directory + "/.git/refs/heads/rookery",
      ])
  }

  /// Takes temporary files away.
  func clearTemporary() async throws {
    try await asRoot(["find", "/tmp", "/var/tmp", "-xdev", "-mindepth", "1", "-delete"])
  }

  private func configure() async throws {
    // Setup runs as root in a directory that belongs to the agent's account, which git refuses unless told.
    try await asRoot(["git", "config", "--system", "safe.directory", directory])
    let broker = "\(Broker.git.origin)/\(repository).git"
    let key = "url.\(broker).insteadOf"
    try await git(["config", "--global", "--replace-all", key, url], in: "/home/agent")
    // The same repository with or without the usual ending; the longest match wins.
    let other = url.hasSuffix(".git") ? String(url.dropLast(4)) : url + ".git"
    try await git(["config", "--global", "--add", key, other], in: "/home/agent")
  }

  private func checkOut() async throws {
    let known = try await shell.capture(program(["cat-file", "-e", "\(commit)^{commit}"]), limit: 4096)
    guard known.exit.succeeded else {
      throw RookeryError(
        .repositoryUnreachable, "The commit \(commit.prefix(12)) was taken off the remote during the build.",
        mend: "Build the repository again.")
    }
    try await git(["checkout", "--quiet", "--force", "-B", branch, commit])
    try await git(["branch", "--quiet", "--set-upstream-to", "origin/\(branch)", branch])
  }

  /// The object id of a file in a directory at the commit's root. A symbolic link is refused: it could name anything.
  private func object(of wanted: String) async throws -> String? {
    let directoryName = String(wanted.prefix { $0 != "/" })
    let listing = try await output(["ls-tree", "-z", commit, "--", directoryName, wanted], limit: 64 << 10)
    for entry in listing.split(separator: 0) {
      let text = String(decoding: entry, as: UTF8.self)
      guard let tab = text.firstIndex(of: "\t") else { continue }
      let fields = text[..<tab].split(separator: " ")
      guard fields.count == 3 else { continue }
      let path = text[text.index(after: tab)...]
      switch (fields[0], path == wanted) {
      case ("120000", _), ("160000", _): throw Self.invalid(wanted, "is, or lies behind, a symbolic link or a submodule")
      case ("100644", true), ("100755", true): return String(fields[2])
      default: continue
      }
    }
    return nil
  }

  private func asRoot(_ argv: [String]) async throws {
    try await shell.require(BuildShell.Program(argv: argv, account: .root), step: Self.step) { exit in
      RookeryError(
        .sandboxFailed, "“\(argv[0])” failed in the build's sandbox (\(exit.text)).", mend: "See the build's log.",
        context: argv.joined(separator: " "))
    }
  }

  private func git(_ arguments: [String], in directory: String? = nil) async throws {
    try await shell.require(program(arguments, in: directory), step: Self.step) { exit in
      RookeryError(
        .repositoryUnreachable, "“git \(arguments[0])” failed in the build's sandbox (\(exit.text)).",
        mend: "The build's log has git's own words: “rookery repo build \(repository)”.")
    }
  }

  /// What git printed, at most `limit` bytes of it.
  private func output(_ arguments: [String], limit: Int) async throws -> [UInt8] {
    let result = try await shell.capture(program(arguments), limit: limit)
    guard result.exit.succeeded || result.truncated else {
      throw RookeryError(
        .sandboxFailed, "“git \(arguments[0])” failed in the build's sandbox (\(result.exit.text)).", mend: "Build the repository again.",
        context: String(result.errorOutput.prefix(500)))
    }
    return result.stdout
  }

  private func program(_ arguments: [String], in directory: String? = nil) -> BuildShell.Program {
    BuildShell.Program(argv: Self.git + arguments, account: .agent, directory: directory ?? self.directory)
  }

  private static func invalid(_ path: String, _ what: String) -> RookeryError {
    RookeryError(.environmentInvalid, "\(path) \(what).", mend: "Commit it as an ordinary small file.")
  }
}
