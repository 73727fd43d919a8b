import Foundation
import Logging
import RookeryGitHub
import RookeryModel
import RookerySandbox
import RookeryStore

extension SessionEngine {
  /// Seconds between two looks at what waits for an account.
  private static let heldInterval = 60

  /// A person linked an account: what waited for it goes on.
  package func accountLinked(_ user: UserID) async {
    for id in (try? await services.registry.held(for: user)) ?? [] {
      do { await (try session(id)).openHeldPullRequest() } catch {
        services.logger.warning("a session that waits could not be opened", metadata: ["session": "\(id)", "error": "\(error)"])
      }
    }
  }

  /// Opens what waits, also where the word that an account was linked got lost.
  func sweepHeld() async {
    while !Task.isCancelled {
      for user in (try? await services.registry.usersWithHeld()) ?? [] {
        guard let person = try? await services.registry.user(user), let token = try? await services.authorToken(person.author),
          !token.reveal().isEmpty
        else { continue }
        await accountLinked(user)
      }
      try? await Task.sleep(for: .seconds(Self.heldInterval))
    }
  }

  /// The session whose branch this is; nil for any other branch.
  func session(branch: String, repository: RepositoryName) async -> LiveSession? {
    guard branch.hasPrefix("rookery/"), let id = SessionID(rawValue: String(branch.dropFirst("rookery/".count))),
      let session = try? session(id), await session.meta.repository == repository
    else { return nil }
    return session
  }

  /// What the forge says of a pull request: of one of ours, or of somebody else's.
  func forgeReported(_ pull: ForgePullRequest, in repository: RepositoryName) async throws {
    if let merged = pull.merged {
      try await services.registry.recordMerged([
        .init(repository: repository, number: pull.number, url: pull.url, merged: merged)
      ])
    }
    try await session(branch: pull.head, repository: repository)?.forgeReported(pull)
  }

  func admit(_ user: User, to session: SessionID) async throws {
    let repository = try await self.session(session).meta.repository
    try await services.admitWork(of: user, on: services.repositories.get(repository))
  }
}
