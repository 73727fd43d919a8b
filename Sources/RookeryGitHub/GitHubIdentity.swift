import Foundation
import Logging
import RookeryConfiguration
import RookeryModel
import RookeryStore

/// Who Rookery and its people are at GitHub: the App, and everyone's own access.
package actor GitHubIdentity {
  /// What there is once an App is known.
  struct Connection: Sendable {
    var app: AppCredentials
    var tokens: AppTokens
    /// Nil where the App can't sign people in.
    var oauth: OAuthClient?
    var users: UserTokens?
  }

  package nonisolated let site: GitHubSite
  package nonisolated let settings: Configuration.GitHub
  nonisolated let repositories: [RepositoryName: Configuration.RepositorySettings]
  nonisolated let registry: Registry
  nonisolated let vault: SecretVault
  nonisolated let reader: GitHubReader
  nonisolated let pacing: GitHubPacing
  nonisolated let logger: Logger
  let now: @Sendable () -> Date
  var connection: Connection?
  var rights = RightsCache()

  /// - Throws: `configurationInvalid` when the App's key is none.
  package init(
    configuration: Configuration, registry: Registry, vault: SecretVault, logger: Logger, pacing: GitHubPacing = GitHubPacing(),
    now: @escaping @Sendable () -> Date = { Date() }
  ) async throws {
    site = GitHubSite(api: configuration.github.apiURL, web: configuration.github.webURL)
    settings = configuration.github
    repositories = configuration.repositories
    self.registry = registry
    self.vault = vault
    self.pacing = pacing
    self.logger = logger
    self.now = now
    reader = GitHubReader(site: site, pacing: pacing)
    if let app = configuration.github.app {
      connection = try connect(
        AppCredentials(
          id: app.id, slug: app.slug, privateKey: app.privateKey, clientID: app.clientID, clientSecret: app.clientSecret,
          webhookSecret: app.webhookSecret))
    } else if let app = try await vault.get(AppCredentials.self, Self.appName, in: .app) {
      connection = try connect(app)
    }
  }

  static let appName = "github"

  /// Keeps an App that the manifest flow made, and uses it from now on.
  package func adopt(_ app: AppCredentials) async throws {
    let made = try connect(app)
    try await vault.set(app, as: Self.appName, in: .app)
    connection = made
    rights = RightsCache()
  }

  /// Whether there is an App: from then on people's rights are those that they have at GitHub.
  package var isConnected: Bool { connection != nil }
  /// Whether people can sign in with GitHub.
  package var canSignIn: Bool { connection?.oauth != nil }
  package var webhookSecret: Secret? { connection?.app.webhookSecret }
  package var app: AppCredentials? { connection?.app }

  nonisolated private func connect(_ app: AppCredentials) throws -> Connection {
    let tokens = try AppTokens(app: app, site: site, pacing: pacing, now: { [now] in now().timeIntervalSince1970 }) {
      [registry, logger] repository, purpose in
      do {
        try await registry.audit(
          .accessMinted, by: nil, subject: repository, detail: ["purpose": purpose.name, "permissions": purpose.text])
      } catch { logger.error("an entry of the audit log was lost", metadata: ["error": "\(error)"]) }
    }
    guard app.clientID != nil else { return Connection(app: app, tokens: tokens) }
    let oauth = try OAuthClient(app: app, site: site, pacing: pacing, now: now)
    let users = UserTokens(vault: vault, oauth: oauth, logger: logger, now: now) { [registry, logger] user in
      do { try await registry.audit(.accessRenewed, by: nil, subject: "\(user)") } catch {
        logger.error("an entry of the audit log was lost", metadata: ["error": "\(error)"])
      }
    }
    return Connection(app: app, tokens: tokens, oauth: oauth, users: users)
  }

  // MARK: Repositories

  /// `owner/name` of a repository that is on this GitHub; nil for any other.
  package nonisolated func name(of repository: RepositoryName, url: String) -> String? {
    if let forge = repositories[repository]?.forge { return forge.repository }
    return site.repository(at: url)
  }

  /// Where the repository's pull requests are opened; nil: nowhere.
  package func forge(of repository: RepositoryName, url: String) -> Configuration.Forge? {
    if let forge = repositories[repository]?.forge { return forge }
    guard isConnected, let name = site.repository(at: url) else { return nil }
    return Configuration.Forge(kind: .github, apiURL: site.api, repository: name)
  }

  /// A token of the App's for one repository and one purpose; nil without an App.
  package func appToken(for repository: String, _ purpose: AccessPurpose) async throws -> Secret? {
    try await connection?.tokens.token(for: repository, purpose: purpose)
  }

  /// What git needs for one operation; nil where the App has nothing to say about the repository at this address.
  package func credential(for repository: RepositoryName, url: String, push: Bool) async -> CredentialAnswer? {
    guard let tokens = connection?.tokens, let name = name(of: repository, url: url) else { return nil }
    // A token goes nowhere but to the address of its own repository, or to where the operator says that this is.
    guard site.repository(at: url)?.lowercased() == name.lowercased() || repositories[repository]?.url == url else { return nil }
    let work: AccessPurpose = repositories[repository]?.allowsWorkflowChanges == true ? .workWithWorkflows : .work
    do {
      return .basic(user: "x-access-token", password: try await tokens.token(for: name, purpose: push ? work : .read))
    } catch {
      let failure = (error as? GitHubFailure)?.error(trying: "getting access to \(name)")
      return .refused(failure ?? error as? RookeryError ?? RookeryError(.unavailable, "GitHub gave no access.", context: "\(error)"))
    }
  }

  /// Installations changed: nothing that was known of them holds.
  package func forgetInstallations() async {
    await connection?.tokens.forgetInstallations()
    rights = RightsCache()
  }
}
