import Foundation
import RookeryModel

/// The repository that the demo works on: a bare copy with its history, which may be pushed to.
struct DemoRepository: Sendable {
  struct Made: Sendable {
    var name: RepositoryName
    /// Of the bare repository.
    var path: String
    var commits: Int
    /// What it is a copy of, for people.
    var origin: String
  }

  let directory: DemoDirectory

  /// `source`: a git repository of this machine; nil: the current directory's, else a small one is made.
  func make(from source: String?) async throws -> Made {
    try FileManager.default.createDirectory(atPath: directory.path("git"), withIntermediateDirectories: true)
    let git = try GitProgram(home: directory.path)
    let candidate = source ?? FileManager.default.currentDirectoryPath
    let top = try? await git("-C", candidate, "rev-parse", "--show-toplevel")
    let hasCommit = (try? await git("-C", candidate, "rev-parse", "--verify", "HEAD^{commit}")) != nil
    if source != nil, !hasCommit {
      throw RookeryError(.badRequest, "\(candidate) is not a git repository with a commit.", mend: "Name another with --repository.")
    }
    guard let top, hasCommit else { return try await generate(git) }
    let name = Self.name(of: top)
    let bare = directory.path("git/\(name).git")
    try await git("clone", "--quiet", "--bare", "--single-branch", "--no-hardlinks", "file://\(top)", bare)
    return try await finish(git, name: name, bare: bare, origin: top)
  }

  private func finish(_ git: GitProgram, name: RepositoryName, bare: String, origin: String) async throws -> Made {
    // A checkout of a commit alone, as CI has it, has no branch to start from.
    if (try? await git("-C", bare, "symbolic-ref", "--quiet", "HEAD")) == nil {
      try await git("-C", bare, "update-ref", "refs/heads/main", "HEAD")
      try await git("-C", bare, "symbolic-ref", "HEAD", "refs/heads/main")
    }
    try await git("-C", bare, "config", "http.receivepack", "true")
    let commits = Int(try await git("-C", bare, "rev-list", "--count", "HEAD")) ?? 0
    return Made(name: name, path: bare, commits: commits, origin: origin)
  }

  /// A few files with a few commits.
  private func generate(_ git: GitProgram) async throws -> Made {
    let work = directory.path("work")
    try await git("init", "--quiet", work)
    let history: [(file: String, text: String, subject: String)] = [
      ("README.md", "# Greeter\n\nSays hello, in several languages.\n", "Say what this will be"),
      ("greet.sh", "#!/bin/sh\necho \"Hello, ${1:-world}!\"\n", "Greet"),
      ("languages/de.txt", "Hallo\n", "Greet in German"),
      ("languages/fr.txt", "Bonjour\n", "Greet in French"),
    ]
    for entry in history {
      let file = URL(fileURLWithPath: "\(work)/\(entry.file)")
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(entry.text.utf8).write(to: file)
      try await git("-C", work, "add", "--all")
      try await git("-C", work, "commit", "--quiet", "-m", entry.subject)
    }
    guard let name = RepositoryName(rawValue: "greeter") else { preconditionFailure("a valid literal") }
    let bare = directory.path("git/greeter.git")
    try await git("clone", "--quiet", "--bare", work, bare)
    return try await finish(git, name: name, bare: bare, origin: "a small repository made for this")
  }

  /// The directory's name as a repository's, as far as it can be one.
  static func name(of path: String) -> RepositoryName {
    let last = URL(fileURLWithPath: path).lastPathComponent.lowercased()
    let text = String(last.map { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) ? $0 : "-" }.prefix(40))
    guard let fallback = RepositoryName(rawValue: "project") else { preconditionFailure("a valid literal") }
    return RepositoryName(rawValue: text) ?? fallback
  }
}
