import Foundation
import RookeryModel
import Synchronization

/// The grants in force, in memory only, with what was spent of their allowances.
final class GrantBook: Sendable {
  private struct Entry {
    var grant: Grant
    var remotes: [RepositoryName: RemoteURL]
    var model: RemoteURL?
    var spent: Int
  }

  /// What a sandbox may do with one repository.
  struct GitAccess: Sendable {
    var grant: Grant.Git
    var remote: RemoteURL
    var privateHosts: [String]
  }

  struct ModelAccess: Sendable {
    var grant: Grant.Model
    var remote: RemoteURL
    var privateHosts: [String]
  }

  private let entries = Mutex<[SandboxID: Entry]>([:])
  private let now: @Sendable () -> Date

  init(now: @escaping @Sendable () -> Date = { Date() }) { self.now = now }

  /// Replaces the sandbox's grant.
  ///
  /// - Parameter spent: Tokens that count against its allowance already: those that `serve` could not know of when it made it.
  /// - Throws: `badRequest` when it holds a URL that is not forwarded to or a ref that is none.
  func put(_ grant: Grant, spent: Int) throws {
    var remotes: [RepositoryName: RemoteURL] = [:]
    for git in grant.git {
      guard remotes[git.name] == nil else { throw RookeryError(.badRequest, "The grant names “\(git.name)” twice.") }
      remotes[git.name] = try RemoteURL(git.url)
      if let ref = git.pushRef { try Self.check(ref) }
    }
    let model = try grant.model.map { try RemoteURL($0.url) }
    entries.withLock { entries in
      entries = entries.filter { $0.value.grant.expires > now() }
      entries[grant.sandbox] = Entry(grant: grant, remotes: remotes, model: model, spent: spent)
    }
  }

  func revoke(_ sandbox: SandboxID) { entries.withLock { $0[sandbox] = nil } }

  /// - Throws: `forbidden` without a grant in force; `repositoryUnknown` when it does not name `repository`.
  func git(_ sandbox: SandboxID, _ repository: RepositoryName) throws -> GitAccess {
    let entry = try entry(sandbox)
    guard let grant = entry.grant.git.first(where: { $0.name == repository }), let remote = entry.remotes[repository] else {
      throw RookeryError(.repositoryUnknown, "This sandbox has no access to “\(repository)”.")
    }
    return GitAccess(grant: grant, remote: remote, privateHosts: entry.grant.privateHosts)
  }

  /// - Throws: `forbidden` without a grant in force, `modelMissing` when it holds no model, `limitHit` when its allowance is spent.
  func model(_ sandbox: SandboxID) throws -> ModelAccess {
    let entry = try entry(sandbox)
    guard let grant = entry.grant.model, let remote = entry.model else {
      throw RookeryError(.modelMissing, "No model is configured for this session.", mend: "Set ROOKERY_MODEL_URL and ROOKERY_MODEL.")
    }
    if let allowance = grant.tokenAllowance, entry.spent >= allowance {
      throw RookeryError(
        .limitHit, "This session has spent its \(allowance) tokens.", mend: "Raise model.tokens_per_session, or start another session.")
    }
    return ModelAccess(grant: grant, remote: remote, privateHosts: entry.grant.privateHosts)
  }

  /// The dialect in which a sandbox's failures are told.
  func wire(of sandbox: SandboxID) -> Grant.Model.Wire? { entries.withLock { $0[sandbox]?.grant.model?.wire } }

  func spend(_ tokens: Int, by sandbox: SandboxID) { entries.withLock { $0[sandbox]?.spent += tokens } }

  private func entry(_ sandbox: SandboxID) throws -> Entry {
    guard let entry = entries.withLock({ $0[sandbox] }), entry.grant.expires > now() else {
      throw RookeryError(
        .forbidden, "This sandbox has no access at the moment: its grant ended, or the gateway was restarted.",
        mend: "Continue the session: the server grants access again.")
    }
    return entry
  }

  /// A branch that git-check-ref-format(1) accepts, in plain characters.
  private static func check(_ ref: String) throws {
    let isPlain = ref.utf8.allSatisfy {
      (0x61...0x7a).contains($0) || (0x41...0x5a).contains($0) || (0x30...0x39).contains($0) || "/-._".utf8.contains($0)
    }
    guard ref.hasPrefix("refs/heads/"), ref.utf8.count <= 255, isPlain, !ref.contains(".."), !ref.contains("//"), !ref.hasSuffix("/"),
      !ref.hasSuffix(".lock"), !ref.hasSuffix(".")
    else { throw RookeryError(.badRequest, "“\(ref.prefix(255))” is no branch that may be granted.") }
  }
}
