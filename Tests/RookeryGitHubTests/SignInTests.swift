import Foundation
import Logging
import RookeryConfiguration
import RookeryGitHub
import RookeryModel
import RookeryStore
import RookeryTestSupport
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct SignInTests {
  static let redirect = "http://localhost:8080/login/github/callback"

  final class Clock: Sendable {
    private let offset = Mutex(0.0)
    var now: Date { Date(timeIntervalSinceNow: offset.withLock { $0 }) }
    func advance(_ seconds: Double) { offset.withLock { $0 += seconds } }
  }

  struct World {
    var github: GitHubDouble
    var identity: GitHubIdentity
    var registry: Registry
    var vault: SecretVault
    var clock: Clock
    var directory: TemporaryDirectory

    func signIn(_ login: String, linking user: UserID? = nil) async throws -> GitHubIdentity.Admitted {
      let (address, state) = try await identity.beginSignIn(path: "/x", user: user, redirect: SignInTests.redirect)
      let back = try github.authorize(address, as: login)
      #expect(back.state == state)
      let (admitted, path) = try await identity.finishSignIn(
        code: back.code, state: back.state, redirect: SignInTests.redirect, origin: "t")
      #expect(path == "/x")
      return admitted
    }
  }

  private func withWorld(
    _ adjust: (inout Configuration) throws -> Void = { _ in }, _ body: (World) async throws -> Void
  ) async throws {
    let github = try await GitHubDouble.start()
    let app = try github.addApp(installedOn: ["acme/app", "acme/secret"])
    for name in ["acme/app", "acme/secret"] { github.addRepository(name) }
    github.addPerson(
      .init("ada", number: 1, name: "Ada Lovelace", email: "ada@example.org", push: ["acme/app"], groups: ["acme", "acme/core"]))
    github.addPerson(.init("bob", number: 2, email: "bob@example.org", read: ["acme/app"], groups: ["acme"]))
    github.addPerson(.init("eve", number: 3, name: "Eve <x>", email: "eve@example.org"))
    var configuration = Configuration()
    configuration.github.apiURL = github.url
    configuration.github.webURL = github.url
    configuration.github.app = .init(
      id: app.id, slug: app.slug, privateKey: Secret(app.privateKey), clientID: app.clientID, clientSecret: Secret(app.clientSecret),
      webhookSecret: Secret(app.webhookSecret))
    try adjust(&configuration)
    let directory = try TemporaryDirectory()
    let registry = try Registry(directory: directory.path)
    let vault = try SecretVault(registry: registry, source: .file(KeyFile(directory: directory.path)))
    let clock = Clock()
    let identity = try await GitHubIdentity(
      configuration: configuration, registry: registry, vault: vault, logger: Logger(label: "t"), pacing: .quick, now: { clock.now })
    try await body(
      World(github: github, identity: identity, registry: registry, vault: vault, clock: clock, directory: directory))
    #expect(github.violations == [])
    for file in ["registry.sqlite", "registry.sqlite-wal"] {
      let bytes = FileManager.default.contents(atPath: directory.path(file)) ?? Data()
      for secret in github.issuedSecrets { #expect(bytes.range(of: Data(secret.utf8)) == nil) }
    }
    await github.stop()
  }

  @Test func theFirstBecomesAdminAndOthersNeedToBelong() async throws {
    try await withWorld({ $0.github.signIn.organisations = ["acme"] }) { world in
      let ada = try await world.signIn("ada")
      #expect(ada.user.role == .admin && ada.user.name == "Ada Lovelace" && ada.user.email == "ada@example.org" && ada.isNew)
      let bob = try await world.signIn("bob")
      #expect(bob.user.role == .member && bob.user.name == "bob")
      #expect(try await world.signIn("bob").user.id == bob.user.id)
      let refused = try await #require(throws: RookeryError.self) { _ = try await world.signIn("eve") }
      #expect(refused.code == .forbidden)
      // Whoever is refused leaves no access behind.
      #expect(world.github.userTokens == 3)
      let log = try await world.registry.auditLog(after: 0, limit: 100).map(\.action)
      #expect(log.contains(.signInRefused) && log.contains(.roleChanged) && log.count { $0 == .signedIn } == 3)
    }
  }

  @Test func aTeamAndAListAdmit() async throws {
    try await withWorld({
      $0.github.signIn.teams = ["acme/core"]
      $0.github.signIn.admins = ["EVE"]
    }) { world in
      _ = try await world.signIn("ada")
      await #expect(throws: RookeryError.self) { _ = try await world.signIn("bob") }
      let eve = try await world.signIn("eve")
      // Git can't hold her name, so her login stands for it.
      #expect(eve.user.role == .admin && eve.user.name == "eve")
    }
  }

  @Test func anAccountIsLinkedToWhoIsSignedIn() async throws {
    try await withWorld { world in
      let admin = try await world.registry.localAdmin(name: "Root", email: "root@localhost")
      #expect(try await world.signIn("ada", linking: admin.id).user.id == admin.id)
      #expect(try await world.identity.linkedLogin(of: admin.id) == "ada")
      #expect(try await world.signIn("ada").user.id == admin.id)
      #expect(try await world.identity.userToken(of: admin.author) != nil)
      await world.identity.revokeAccess(of: admin.id)
      #expect(try await world.identity.userToken(of: admin.author) == nil)
      #expect(world.github.userTokens == 1)
    }
  }

  @Test func statesCodesAndVerifiersAreGoodOnce() async throws {
    try await withWorld { world in
      let (address, state) = try await world.identity.beginSignIn(path: "/", user: nil, redirect: Self.redirect)
      let back = try world.github.authorize(address, as: "ada")
      _ = try await world.identity.finishSignIn(code: back.code, state: state, redirect: Self.redirect, origin: "t")
      await #expect(throws: RookeryError.self) {
        _ = try await world.identity.finishSignIn(code: back.code, state: state, redirect: Self.redirect, origin: "t")
      }
      let (_, second) = try await world.identity.beginSignIn(path: "/", user: nil, redirect: Self.redirect)
      // A code that was got for another sign-in does not fit the verifier of this one.
      let stolen = try world.github.authorize(address, as: "ada")
      let failure = try await #require(throws: RookeryError.self) {
        _ = try await world.identity.finishSignIn(code: stolen.code, state: second, redirect: Self.redirect, origin: "t")
      }
      #expect(failure.code == .unauthenticated)
    }
  }

  @Test func aHundredAtOnceCauseOneRefresh() async throws {
    try await withWorld { world in
      let ada = try await world.signIn("ada").user
      let before = try #require(try await world.identity.userToken(of: ada.author))
      world.clock.advance(28_700)
      let identity = world.identity
      let found = try await withThrowingTaskGroup(of: String?.self) { group in
        for _ in 0..<100 { group.addTask { try await identity.userToken(of: ada.author)?.reveal() } }
        return try await group.reduce(into: Set<String?>()) { $0.insert($1) }
      }
      #expect(found.count == 1 && !found.contains(before.reveal()) && !found.contains(nil))
      #expect(world.github.refreshes == 1)
      // And again, with the refresh token that came with it.
      world.clock.advance(28_700)
      #expect(try await world.identity.userToken(of: ada.author) != nil)
      #expect(world.github.refreshes == 2)
    }
  }

  @Test func accessThatEndedAtGitHubAsksForAnotherSignIn() async throws {
    try await withWorld { world in
      let ada = try await world.signIn("ada").user
      let token = try #require(try await world.identity.userToken(of: ada.author))
      // Somebody revoked it there: the refresh token went with it.
      try await OAuthClient(
        app: try #require(await world.identity.app), site: GitHubSite(api: world.github.url, web: world.github.url), pacing: .quick
      ).revoke(token)
      world.clock.advance(28_700)
      #expect(try await world.identity.userToken(of: ada.author) == nil)
      #expect(try await world.identity.linkedLogin(of: ada.id) == nil)
    }
  }

  @Test func aDeviceSignsIn() async throws {
    try await withWorld { world in
      let request = try await world.identity.beginDevice()
      #expect(try await world.identity.pollDevice(request.deviceCode, origin: "t").admitted == nil)
      // Too soon: it says how long to wait from now on.
      #expect(try await world.identity.pollDevice(request.deviceCode, origin: "t").interval == 10)
      world.github.enterDeviceCode(request.userCode, as: "ada")
      world.github.shiftClock(30)
      #expect(try await world.identity.pollDevice(request.deviceCode, origin: "t").admitted?.login == "ada")
      let refused = try await world.identity.beginDevice()
      world.github.enterDeviceCode(refused.userCode, as: "ada", agrees: false)
      await #expect(throws: RookeryError.self) { _ = try await world.identity.pollDevice(refused.deviceCode, origin: "t") }
    }
  }

  @Test func rightsAreThoseAtGitHubAndAreKeptBriefly() async throws {
    try await withWorld({ $0.github.signIn.organisations = ["acme"] }) { world in
      let ada = try await world.signIn("ada").user
      let bob = try await world.signIn("bob").user
      let app = try RepositoryName("app")
      func right(_ user: User, _ name: String) async throws -> RepositoryRight? {
        try await world.identity.right(of: user, on: app, url: "\(world.github.url)/acme/\(name).git")
      }
      #expect(try await right(ada, "app") == .push)
      #expect(try await right(bob, "app") == .read)
      #expect(try await right(bob, "secret") == RepositoryRight.none)
      let asked = world.github.requests.count
      #expect(try await right(ada, "app") == .push)
      #expect(world.github.requests.count == asked)
      world.clock.advance(61)
      #expect(try await right(ada, "app") == .push)
      #expect(world.github.requests.count == asked + 1)
      // Elsewhere GitHub has nothing to say.
      #expect(try await world.identity.right(of: bob, on: app, url: "https://git.example.org/app.git") == nil)
      let carol = try await world.registry.createUser(name: "Carol", email: "carol@example.org", role: .member)
      #expect(try await right(carol, "app") == RepositoryRight.none)
      let root = try await world.registry.createUser(name: "Root", email: "root@example.org", role: .admin)
      #expect(try await right(root, "app") == .push)
    }
  }

  @Test func gitGetsATokenForItsOneRepository() async throws {
    try await withWorld { world in
      let name = try RepositoryName("app")
      let url = "\(world.github.url)/acme/app.git"
      guard case .basic("x-access-token", let read) = await world.identity.credential(for: name, url: url, push: false),
        case .basic(_, let work) = await world.identity.credential(for: name, url: url, push: true)
      else {
        Issue.record("no credential")
        return
      }
      #expect(read != work)
      #expect(await world.identity.credential(for: name, url: "https://evil.example.org/acme/app.git", push: false) == nil)
      let minted = try await world.registry.auditLog(after: 0, limit: 10).filter { $0.action == .accessMinted }
      #expect(minted.map { $0.detail["purpose"] } == ["read", "work"] && minted.allSatisfy { $0.subject == "acme/app" })
    }
  }
}
