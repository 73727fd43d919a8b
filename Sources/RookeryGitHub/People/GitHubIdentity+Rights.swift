import Foundation
import RookeryConfiguration
import RookeryModel
import RookeryStore

/// What people may do, as GitHub answered lately.
struct RightsCache: Sendable {
  struct Slot: Hashable {
    var user: UserID
    var repository: String
  }
  struct Entry {
    var right: RepositoryRight
    var asked: Date
  }
  /// Seconds for which an answer is good, and for which it is used while GitHub gives none.
  static let lifetime: TimeInterval = 60
  static let stale: TimeInterval = 600
  private static let capacity = 20_000

  private var entries: [Slot: Entry] = [:]

  func right(_ slot: Slot, within seconds: TimeInterval, now: Date) -> RepositoryRight? {
    guard let entry = entries[slot], now.timeIntervalSince(entry.asked) < seconds else { return nil }
    return entry.right
  }

  mutating func set(_ right: RepositoryRight, _ slot: Slot, now: Date) {
    if entries.count >= Self.capacity { entries = entries.filter { now.timeIntervalSince($0.value.asked) < Self.lifetime } }
    if entries.count >= Self.capacity { entries = [:] }
    entries[slot] = Entry(right: right, asked: now)
  }

  mutating func forget(_ user: UserID) { entries = entries.filter { $0.key.user != user } }
}

extension GitHubIdentity {
  /// What a person may do with a repository, as far as GitHub decides it; nil where it does not: without an App, or for a repository
  /// that is elsewhere. An admin without a linked account runs the server, and so holds every key anyway.
  /// - Throws: `unavailable` or `rateLimited` when GitHub does not answer and nothing recent is known.
  package func right(of user: User, on repository: RepositoryName, url: String) async throws -> RepositoryRight? {
    guard isConnected, let name = name(of: repository, url: url) else { return nil }
    let slot = RightsCache.Slot(user: user.id, repository: name.lowercased())
    if let known = rights.right(slot, within: RightsCache.lifetime, now: now()) { return known }
    do {
      guard let token = try await userToken(of: user.author) else { return user.role == .admin ? .push : RepositoryRight.none }
      let right = try await reader.right(on: name, token)
      rights.set(right, slot, now: now())
      return right
    } catch let error as RookeryError where [.unavailable, .rateLimited].contains(error.code) {
      guard let last = rights.right(slot, within: RightsCache.stale, now: now()) else { throw error }
      return last
    }
  }

  /// The person's own token: from their sign-in, else from the configuration. Nil when they have none.
  package func userToken(of author: Author) async throws -> Secret? {
    if let token = try await connection?.users?.token(of: author.user) { return token }
    return settings.userTokens[author.email.lowercased()]
  }
}
