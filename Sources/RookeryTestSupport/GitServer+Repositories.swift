import Foundation

extension GitServer {
  /// The path of a repository on disk.
  package func path(of name: String) -> String { "\(repositories)/\(name).git" }

  /// Makes a bare repository with `files` on `main` and a history of two commits; `files` may be empty: then it has no commit.
  package func makeRepository(_ name: String, files: [String: String] = ["README.md": "# Hello\n"]) async throws {
    let bare = path(of: name)
    try await Command.git(["init", "--quiet", "--bare", "--initial-branch=main", bare])
    try await Command.git(["-C", bare, "config", "http.receivepack", "true"])
    guard !files.isEmpty else { return }
    let work = try TemporaryDirectory(prefix: "rookery-work")
    try await Command.git(["init", "--quiet", "--initial-branch=main", work.path])
    try work.write("The history of \(name) starts here.\n", to: "HISTORY")
    try await Command.git(["add", "--all"], in: work.path)
    try await Command.git(["commit", "--quiet", "-m", "Start"], in: work.path)
    for (file, text) in files { try work.write(text, to: file) }
    try await Command.git(["add", "--all"], in: work.path)
    try await Command.git(["commit", "--quiet", "-m", "Add the files"], in: work.path)
    try await Command.git(["push", "--quiet", bare, "main"], in: work.path)
  }

  /// Adds a commit with `files` to the tip of `main`.
  package func commit(to name: String, files: [String: String]) async throws {
    let work = try TemporaryDirectory(prefix: "rookery-work")
    defer { work.remove() }
    try await Command.git(["clone", "--quiet", "--branch", "main", path(of: name), work.path("clone")])
    for (file, text) in files { try work.write(text, to: "clone/\(file)") }
    try await Command.git(["add", "--all"], in: work.path("clone"))
    try await Command.git(
      ["commit", "--quiet", "--message", "Change \(files.keys.sorted().joined(separator: ", "))"], in: work.path("clone"))
    try await Command.git(["push", "--quiet", "origin", "main"], in: work.path("clone"))
  }

  /// Runs git in the bare repository and returns what it printed.
  @discardableResult
  package func git(_ name: String, _ arguments: [String]) async throws -> String {
    try await Command.git(["-C", path(of: name)] + arguments)
  }

  /// Full ref names with their object ids.
  package func refs(of name: String) async throws -> [String: String] {
    let text = try await git(name, ["for-each-ref", "--format=%(refname) %(objectname)"])
    let pairs = text.split(separator: "\n").map { $0.split(separator: " ") }
    return Dictionary(pairs.map { (String($0[0]), String($0[1])) }, uniquingKeysWith: { $1 })
  }

  package struct Commit: Sendable, Equatable {
    package var id: String
    package var authorName: String
    package var authorEmail: String
    package var committerName: String
    package var committerEmail: String
    package var subject: String
    package var body: String
  }

  /// The commits of `ref`, newest first.
  package func log(of name: String, ref: String) async throws -> [Commit] {
    let text = try await git(name, ["log", "-z", "--format=%H%x1f%an%x1f%ae%x1f%cn%x1f%ce%x1f%s%x1f%b", ref])
    return text.split(separator: "\0").compactMap { record in
      let fields = record.split(separator: "\u{1f}", omittingEmptySubsequences: false).map(String.init)
      guard fields.count == 7 else { return nil }
      return Commit(
        id: fields[0], authorName: fields[1], authorEmail: fields[2], committerName: fields[3], committerEmail: fields[4],
        subject: fields[5], body: fields[6])
    }
  }

  /// A file's text at `ref`.
  package func show(_ name: String, ref: String, path: String) async throws -> String {
    try await git(name, ["show", "\(ref):\(path)"])
  }
}
