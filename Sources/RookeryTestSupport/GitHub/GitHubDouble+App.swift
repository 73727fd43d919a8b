import Foundation
import RookeryModel
import Synchronization
import _CryptoExtras

/// A GitHub App, its people and their sign-ins.
extension GitHubDouble {
  /// An App as it is registered here, with what it would be configured with.
  package struct App: Sendable {
    package var id: Int64 = 4242
    package var slug = "rookery-test"
    package var clientID = "Iv23liTESTCLIENT"
    package var clientSecret = "c0ffee" + String(repeating: "7", count: 34)
    package var webhookSecret = "hook-" + String(repeating: "w", count: 32)
    /// PEM.
    package var privateKey: String
  }

  package struct Person: Sendable {
    package var login: String
    package var number: Int64
    package var name: String?
    package var email: String
    /// `owner/name` that they may push to, and read.
    package var push: Set<String>
    package var read: Set<String>
    /// `acme`, or `acme/core` for a team.
    package var groups: Set<String>

    package init(
      _ login: String, number: Int64, name: String? = nil, email: String, push: Set<String> = [], read: Set<String> = [],
      groups: Set<String> = []
    ) {
      self.login = login
      self.number = number
      self.name = name
      self.email = email
      self.push = push
      self.read = read
      self.groups = groups
    }
  }

  package struct Comment: Sendable, Equatable {
    package var id: Int64
    package var repository: String
    package var issue: Int
    package var body: String
    package var author: String
    /// Of a reply in a review's thread.
    package var inReplyTo: Int64?
  }

  package struct Check: Sendable, Equatable {
    package var name: String
    package var conclusion: String
    package init(name: String, conclusion: String) {
      self.name = name
      self.conclusion = conclusion
    }
  }

  /// RSA keys take a while to make: one serves all tests.
  private static let key: String? = try? _RSA.Signing.PrivateKey(keySize: .bits2048).pemRepresentation

  /// Registers an App that is installed on `repositories` with these permissions.
  @discardableResult
  package func addApp(
    installedOn repositories: Set<String>,
    permissions: [String: String] = [
      "contents": "write", "pull_requests": "write", "issues": "write", "checks": "read", "metadata": "read",
    ]
  ) throws -> App {
    guard let key = Self.key else { throw Command.Failed(description: "no RSA key could be made") }
    let app = App(privateKey: key)
    let publicKey = try _RSA.Signing.PrivateKey(pemRepresentation: key).publicKey
    model.state.withLock {
      $0.app = .init(
        facts: app, key: publicKey, installation: 7001, installedOn: Set(repositories.map { $0.lowercased() }), permissions: permissions)
      $0.issued += [app.clientSecret, app.webhookSecret]
    }
    return app
  }

  package func addPerson(_ person: Person) { model.state.withLock { $0.people[person.login] = person } }

  /// Changes what is known of the App's installation.
  package func installApp(on repositories: Set<String>) {
    model.state.withLock { $0.app?.installedOn = Set(repositories.map { $0.lowercased() }) }
  }

  /// New tokens are answered as unknown so many times.
  package func settleSlowly(_ times: Int) { model.state.withLock { $0.app?.unsettled = times } }

  /// From now on its clock is ahead of ours by so many seconds.
  package func shiftClock(_ seconds: Double) { model.state.withLock { $0.clockOffset = seconds } }

  /// Every token ends now.
  package func expireTokens() {
    model.state.withLock { state in
      for token in state.tokens.keys where state.tokens[token]?.expires != nil { state.tokens[token]?.expires = 0 }
    }
  }

  /// The person agrees in their browser: what the forge sends it back with.
  package func authorize(_ address: String, as login: String) throws -> (code: String, state: String) {
    try model.authorize(address, as: login)
  }

  /// The person types the code of a device and agrees, or refuses.
  package func enterDeviceCode(_ code: String, as login: String, agrees: Bool = true) {
    model.state.withLock { state in
      for (device, entry) in state.signIn.devices where entry.userCode == code {
        state.signIn.devices[device]?.login = agrees ? login : nil
        state.signIn.devices[device]?.isRefused = !agrees
      }
    }
  }

  /// How often tokens were refreshed.
  package var refreshes: Int { model.state.withLock { $0.signIn.refreshes } }
  /// How many tokens of people are good.
  package var userTokens: Int { model.state.withLock { $0.signIn.access.count } }
  package var comments: [Comment] { model.state.withLock { $0.comments } }
  /// Everything that must never be found in a log or a database.
  package var issuedSecrets: [String] { model.state.withLock { $0.issued } }

  package func setChecks(_ checks: [Check], of commit: String) { model.state.withLock { $0.checks[commit] = checks } }

  /// Somebody merges a pull request.
  package func merge(_ number: Int, in repository: String, at time: String) {
    model.state.withLock { state in
      for index in state.pullRequests.indices
      where state.pullRequests[index].number == number && state.pullRequests[index].repository == repository {
        state.pullRequests[index].isOpen = false
        state.pullRequests[index].merged = time
        state.pullRequests[index].updated = time
      }
    }
  }
}
