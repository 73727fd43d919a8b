import Foundation
import NIOSSL
import RookeryModel
import Synchronization

/// The grants in force, in memory only, with what was spent of their allowances.
final class GrantBook: Sendable {
  private struct Entry {
    var grant: Grant
    var remotes: [RepositoryName: RemoteURL]
    var model: RemoteURL?
    var spent: Int
    /// Millionths of a US dollar.
    var spentCost = 0
    /// What calls under way may cost at most, in tokens and in money.
    var reserved = Reservation()
    var certificate: NIOSSLContext?
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
  /// Notified whenever a grant came or went.
  let changes = ChangeSignal()

  init(now: @escaping @Sendable () -> Date = { Date() }) { self.now = now }

  /// Replaces the sandbox's grant.
  ///
  /// - Parameter spent: What counts against its allowance already: what that `serve` could not know of when it made it.
  /// - Throws: `badRequest` when it holds a URL that is not forwarded to or a ref that is none.
  func put(_ grant: Grant, spent: (tokens: Int, cost: Int)) throws {
    var remotes: [RepositoryName: RemoteURL] = [:]
    for git in grant.git {
      guard remotes[git.name] == nil else { throw RookeryError(.badRequest, "The grant names “\(git.name)” twice.") }
      remotes[git.name] = try RemoteURL(git.url)
      if let ref = git.pushRef { try Self.check(ref) }
    }
    let model = try grant.model.map { try RemoteURL($0.url) }
    let certificate = try grant.network.certificate.map(InterceptionContext.make)
    entries.withLock { entries in
      entries = entries.filter { $0.value.grant.expires > now() }
      // What calls under way reserved goes on being theirs.
      let reserved = entries[grant.sandbox]?.reserved ?? Reservation()
      entries[grant.sandbox] = Entry(
        grant: grant, remotes: remotes, model: model, spent: spent.tokens + (grant.model?.spentTokens ?? 0),
        spentCost: spent.cost + (grant.model?.spentCost ?? 0), reserved: reserved, certificate: certificate)
    }
    changes.notify()
  }

  // MARK: Other hosts

  /// Whether the sandbox may reach `name` at any port. Throws `forbidden` without a grant in force.
  func knows(_ sandbox: SandboxID, _ name: HostName) throws -> Bool {
    try entry(sandbox).grant.network.sites.contains { $0.host.matches(name) }
  }

  /// What it may do there; nil: nothing. Throws `forbidden` without a grant in force.
  func decision(_ sandbox: SandboxID, _ name: HostName, port: Int) throws -> SiteDecision? {
    SiteDecision(sites: try entry(sandbox).grant.network.sites, host: name, port: port)
  }

  func certificate(_ sandbox: SandboxID) -> NIOSSLContext? { entries.withLock { $0[sandbox]?.certificate } }

  func privateHosts(_ sandbox: SandboxID) -> [String] { entries.withLock { $0[sandbox]?.grant.privateHosts } ?? [] }

  /// The session's repository that is at `path` of `destination`, with or without `.git` at its end.
  func repository(_ sandbox: SandboxID, at destination: RemoteURL, path: String) throws -> RepositoryName? {
    func plain(_ path: String) -> String { path.hasSuffix(".git") ? String(path.dropLast(4)) : path }
    return try entry(sandbox).remotes.first { _, remote in
      remote.host == destination.host && remote.port == destination.port && plain(remote.path) == plain(path)
    }?.key
  }

  // MARK: Brokers

  func revoke(_ sandbox: SandboxID) {
    entries.withLock { $0[sandbox] = nil }
    changes.notify()
  }

  /// Whether the model's answers to the sandbox wait for another grant.
  func holdsAnswers(_ sandbox: SandboxID) -> Bool { entries.withLock { $0[sandbox]?.grant.holdsAnswers } ?? false }

  /// - Throws: `forbidden` without a grant in force; `repositoryUnknown` when it does not name `repository`.
  func git(_ sandbox: SandboxID, _ repository: RepositoryName) throws -> GitAccess {
    let entry = try entry(sandbox)
    guard let grant = entry.grant.git.first(where: { $0.name == repository }), let remote = entry.remotes[repository] else {
      throw RookeryError(.repositoryUnknown, "This sandbox has no access to “\(repository)”.")
    }
    return GitAccess(grant: grant, remote: remote, privateHosts: entry.grant.privateHosts)
  }

  /// - Throws: `forbidden` without a grant in force, `modelMissing` when it holds no model.
  func model(_ sandbox: SandboxID) throws -> ModelAccess {
    let entry = try entry(sandbox)
    guard let grant = entry.grant.model, let remote = entry.model else {
      throw RookeryError(.modelMissing, "No model is configured for this session.", mend: "Set ROOKERY_MODEL_URL and ROOKERY_MODEL.")
    }
    return ModelAccess(grant: grant, remote: remote, privateHosts: entry.grant.privateHosts)
  }

  /// The dialect in which a sandbox's failures are told.
  func wire(of sandbox: SandboxID) -> Grant.Model.Wire? { entries.withLock { $0[sandbox]?.grant.model?.wire } }

  /// What calls under way may still use.
  struct Reservation: Sendable, Equatable {
    var tokens = 0
    var cost = 0
  }

  /// Sets `reservation` aside for a call, or what is left of the allowance if that is less: the last call may use all of it.
  ///
  /// - Parameter least: What the call uses before it answers anything.
  /// - Throws: `limitHit` when less than that is left.
  func reserve(_ reservation: Reservation, least: Reservation, for sandbox: SandboxID) throws -> Reservation {
    try entries.withLock { entries in
      guard let entry = entries[sandbox], let grant = entry.grant.model else { return Reservation() }
      var reserved = reservation
      if let allowance = grant.tokenAllowance {
        let left = allowance - entry.spent - entry.reserved.tokens
        guard left > least.tokens else { throw Self.exhausted(grant, isCost: false, isOver: left <= 0) }
        reserved.tokens = min(reserved.tokens, left)
      }
      if let allowance = grant.costAllowance {
        let left = allowance - entry.spentCost - entry.reserved.cost
        guard left > least.cost else { throw Self.exhausted(grant, isCost: true, isOver: left <= 0) }
        reserved.cost = min(reserved.cost, left)
      }
      entries[sandbox]?.reserved.tokens += reserved.tokens
      entries[sandbox]?.reserved.cost += reserved.cost
      return reserved
    }
  }

  /// Why a call under way, which has used `used` of its `reservation`, must end: with it the session is over its allowance. Nil
  /// while it is not.
  func overdraft(_ reservation: Reservation, used: Reservation, for sandbox: SandboxID) -> RookeryError? {
    entries.withLock { entries in
      guard let entry = entries[sandbox], let grant = entry.grant.model else { return nil }
      let tokens = entry.spent + max(0, entry.reserved.tokens - reservation.tokens) + used.tokens
      if let allowance = grant.tokenAllowance, tokens > allowance { return Self.exhausted(grant, isCost: false, isOver: true) }
      let cost = entry.spentCost + max(0, entry.reserved.cost - reservation.cost) + used.cost
      if let allowance = grant.costAllowance, cost > allowance { return Self.exhausted(grant, isCost: true, isOver: true) }
      return nil
    }
  }

  /// Gives a reservation back once the call is over, and counts what it used.
  func settle(_ reservation: Reservation, used usage: Usage?, for sandbox: SandboxID) {
    entries.withLock { entries in
      guard var entry = entries[sandbox] else { return }
      entry.reserved.tokens = max(0, entry.reserved.tokens - reservation.tokens)
      entry.reserved.cost = max(0, entry.reserved.cost - reservation.cost)
      entry.spent += (usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0)
      entry.spentCost += usage?.costMicroUSD ?? 0
      entries[sandbox] = entry
    }
  }

  private static func exhausted(_ grant: Grant.Model, isCost: Bool, isOver: Bool) -> RookeryError {
    let dollars = String(format: "%.2f", Double(grant.costAllowance ?? 0) / 1_000_000)
    let allowance = isCost ? "\(dollars) US dollars" : "\(grant.tokenAllowance ?? 0) tokens"
    let key = isCost ? "model.budget_usd_per_session" : "model.tokens_per_session"
    return RookeryError(
      .limitHit,
      isOver ? "This session has spent its \(allowance)." : "What is left of this session's \(allowance) is too little for this call.",
      mend: "Raise \(key), or start another session.")
  }

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
