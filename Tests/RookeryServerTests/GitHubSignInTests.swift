import Foundation
import HTTPTypes
import Logging
import RookeryConfiguration
import RookeryGitHub
import RookeryModel
import RookeryStore
import RookeryTestSupport
import Synchronization
import Testing

@testable import RookeryServer

/// Signing in with GitHub in a browser, what people then see, and what GitHub sends.
@Suite(.timeLimit(.minutes(2))) struct GitHubSignInTests {
  private func withServer(_ body: @escaping @Sendable (TestServer, GitHubDouble, Counter) async throws -> Void) async throws {
    let github = try await GitHubDouble.start()
    let app = try github.addApp(installedOn: ["acme/rookery", "acme/secret"])
    for name in ["acme/rookery", "acme/secret"] { github.addRepository(name) }
    github.addPerson(.init("ada", number: 1, name: "Ada", email: "admin@example.org", push: ["acme/rookery"]))
    github.addPerson(.init("bob", number: 2, name: "Bob", email: "bob@example.net", read: ["acme/rookery"]))
    github.addPerson(.init("eve", number: 3, email: "eve@example.net"))
    let counter = Counter()
    try await TestServer.run(
      configure: {
        $0.github.apiURL = github.url
        $0.github.webURL = github.url
        $0.github.signIn.logins = ["bob", "eve"]
        $0.github.app = .init(
          id: app.id, slug: app.slug, privateKey: Secret(app.privateKey), clientID: app.clientID, clientSecret: Secret(app.clientSecret),
          webhookSecret: Secret(app.webhookSecret))
        for (ours, theirs) in [("rookery", "acme/rookery"), ("secret", "acme/secret")] {
          guard let name = RepositoryName(rawValue: ours) else { continue }
          $0.repositories[name] = .init()
          $0.repositories[name]?.forge = .init(kind: .github, apiURL: github.url, repository: theirs)
        }
      },
      adjust: { context in
        let directory = try TemporaryDirectory()
        let vault = try SecretVault(registry: context.registry, source: .file(KeyFile(directory: directory.path)))
        context.vault = vault
        context.github = try await GitHubIdentity(
          configuration: context.configuration, registry: context.registry, vault: vault, logger: Logger(label: "t"))
        context.webhookArrived = { counter.add() }
        counter.keep(directory)
      }
    ) { server in try await body(server, github, counter) }
    #expect(github.violations == [])
    await github.stop()
  }

  final class Counter: Sendable {
    private let state = Mutex((count: 0, kept: [TemporaryDirectory]()))
    var count: Int { state.withLock { $0.count } }
    func add() { state.withLock { $0.count += 1 } }
    func keep(_ directory: TemporaryDirectory) { state.withLock { $0.kept.append(directory) } }
  }

  /// The cookie's value of a browser that went through GitHub as this person.
  private func signIn(_ server: TestServer, _ github: GitHubDouble, as login: String) async throws -> String {
    let begun = try await server.ask("GET", "/login/github?next=/images", as: .none)
    #expect(begun.status == 303)
    let cookie = String(try #require(begun.header("set-cookie")).split(separator: ";")[0])
    #expect(begun.header("set-cookie")?.contains("HttpOnly; SameSite=Lax") == true)
    let back = try github.authorize(try #require(begun.header("location")), as: login)
    let path = "/login/github/callback?code=\(back.code)&state=\(back.state)"
    // Another browser gets nowhere with it.
    #expect(try await server.ask("GET", path, as: .none, headers: ["Cookie": "rookery-state-8080=other"]).status == 403)
    let done = try await server.ask("GET", path, as: .none, headers: ["Cookie": cookie])
    #expect(done.status == 303 && done.header("location") == "/images", "\(done.text)")
    let signed = try #require(done.headers["set-cookie"].first { $0.hasPrefix("rookery-8080=") })
    return String(signed.split(separator: ";")[0].dropFirst("rookery-8080=".count))
  }

  @Test func aBrowserSignsInAndSeesWhatItsPersonMayRead() async throws {
    try await withServer { server, github, _ in
      let session = try await server.makeSession()
      let ada = try await signIn(server, github, as: "ada")
      #expect(try await server.ask("GET", "/v1/me", as: .cookie(ada)).decode(User.self).role == .admin)
      let bob = try await signIn(server, github, as: "bob")
      #expect(try await server.ask("GET", "/v1/me", as: .cookie(bob)).decode(User.self).role == .member)
      let eve = try await signIn(server, github, as: "eve")
      // Ada may push, Bob may read, Eve may know of nothing.
      #expect(try await server.ask("GET", "/v1/sessions/\(session)", as: .cookie(bob)).status == 200)
      #expect(try await server.ask("POST", "/v1/sessions/\(session)/stop", as: .cookie(bob)).status == 403)
      #expect(try await server.ask("POST", "/v1/sessions/\(session)/stop", as: .cookie(ada)).status == 204)
      let hidden = try await server.ask("GET", "/v1/sessions/\(session)", as: .cookie(eve))
      let missing = try await server.ask("GET", "/v1/sessions/s-none", as: .cookie(eve))
      #expect(hidden.status == 404 && missing.status == 404)
      #expect(try await server.ask("GET", "/v1/sessions", as: .cookie(eve)).decode(API.Sessions.self).sessions.isEmpty)
      #expect(try await server.ask("GET", "/v1/sessions", as: .cookie(bob)).decode(API.Sessions.self).sessions.count == 1)
    }
  }

  @Test func signingOutEndsTheAccessToo() async throws {
    try await withServer { server, github, _ in
      let ada = try await signIn(server, github, as: "ada")
      let bob = try await signIn(server, github, as: "bob")
      #expect(github.userTokens == 2)
      #expect(try await server.ask("POST", "/logout", as: .cookie(bob)).status == 303)
      #expect(github.userTokens == 1)
      // Ada's user has tokens of the test's own besides: her access stays for them.
      #expect(try await server.ask("POST", "/logout", as: .cookie(ada)).status == 303)
      #expect(github.userTokens == 1)
      #expect(try await server.ask("GET", "/v1/me", as: .cookie(ada)).status == 401)
    }
  }

  @Test func aWebhookIsTakenOnceAndOnlyWithItsSignature() async throws {
    try await withServer { server, github, counter in
      let secret = Secret(try #require(github.issuedSecrets.first { $0.hasPrefix("hook-") }))
      let body = Data(#"{"zen":"Keep it logically awesome."}"#.utf8)
      func deliver(_ id: String, signature: String) async throws -> Int {
        try await server.ask(
          "POST", "/hooks/github", as: .none, body: body,
          headers: [
            "X-GitHub-Delivery": id, "X-GitHub-Event": "ping", "X-Hub-Signature-256": signature, "Content-Type": "application/json",
          ]
        ).status
      }
      let good = WebhookSignature.header(of: body, secret: secret)
      #expect(try await deliver("d1", signature: good) == 202)
      #expect(try await deliver("d1", signature: good) == 202)
      #expect(try await deliver("d2", signature: good) == 202)
      #expect(counter.count == 2)
      for wrong in ["", "sha256=", good.dropLast() + "0x", WebhookSignature.header(of: body + Data([0]), secret: secret)] {
        #expect(try await deliver("d3", signature: String(wrong)) == 403)
      }
      #expect(counter.count == 2)
      let first = try #require(try await server.registry.nextDelivery())
      #expect(first.id == "d1" && first.body == body)
      try await server.registry.settleDelivery("d1", problem: "not now")
      #expect(try await server.registry.nextDelivery()?.id == "d2")
      try await server.registry.settleDelivery("d2")
      #expect(try await server.registry.nextDelivery() == nil)
      #expect(try await server.registry.nextDelivery(now: Date(timeIntervalSinceNow: 11))?.attempts == 1)
    }
  }

  @Test func adminsReadTheAuditLogAndRotateKeys() async throws {
    try await withServer { server, github, _ in
      _ = try await signIn(server, github, as: "ada")
      let rotation = try await server.ask("POST", "/v1/secrets/rotate").decode(API.Rotation.self)
      #expect(rotation.secrets == 1)
      let users = try await server.ask("GET", "/v1/users").decode(API.Users.self).users
      let viewer = try #require(users.first { $0.role == .viewer })
      #expect(
        try await server.ask("POST", "/v1/users/\(viewer.id)/role", json: API.SetRole(role: .member)).decode(User.self).role == .member)
      let answer = try await server.ask("GET", "/v1/audit")
      let actions = try answer.decode(API.Audit.self).entries.map(\.action)
      #expect(actions.contains(.signedIn) && actions.contains(.keysRotated) && actions.contains(.roleChanged))
      for secret in github.issuedSecrets { #expect(!answer.text.contains(secret) && !server.log.text.contains(secret)) }
    }
  }
}
