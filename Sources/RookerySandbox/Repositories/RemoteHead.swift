import RookeryModel

/// The branch that work starts from and the commit that it points to.
struct RemoteHead: Sendable, Equatable {
  var branch: String
  var commit: String
}

/// What `git ls-remote --symref` printed: a remote's refs. The remote is not trusted; lines of any other form are skipped.
struct RemoteRefs: Sendable, Equatable {
  /// The branch that `HEAD` names.
  private(set) var headBranch: String?
  /// Commits by full ref name (`HEAD`, `refs/heads/main`).
  private(set) var commits: [String: String] = [:]

  init(_ output: String) {
    for line in output.split(separator: "\n") {
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
      guard fields.count == 2 else { continue }
      let name = String(fields[1])
      if fields[0].hasPrefix("ref: ") {
        let target = fields[0].dropFirst("ref: ".count)
        if name == "HEAD", target.hasPrefix("refs/heads/") { headBranch = String(target.dropFirst("refs/heads/".count)) }
      } else if Self.isCommit(fields[0]) {
        commits[name] = String(fields[0])
      }
    }
  }

  var hasBranches: Bool { commits.keys.contains { $0 == "HEAD" || $0.hasPrefix("refs/heads/") } }

  func head(of branch: String) -> RemoteHead? {
    commits["refs/heads/" + branch].map { RemoteHead(branch: branch, commit: $0) }
  }

  /// The default branch, when `HEAD` names one that exists.
  var defaultHead: RemoteHead? {
    guard let headBranch, BranchName.problem(headBranch) == nil, let commit = commits["HEAD"] ?? commits["refs/heads/" + headBranch]
    else { return nil }
    return RemoteHead(branch: headBranch, commit: commit)
  }

  /// A full object id: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits.
  static func isCommit(_ text: some StringProtocol) -> Bool {
    (text.utf8.count == 40 || text.utf8.count == 64)
      && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }
}
